// The engine on a ULX3S (LFE5U-85F): its USB serial line speaks with host_bridge at one megabaud. A break on the line resets
// all, so that a host finds it ready wherever an earlier one has left it.
`default_nettype none

module top (
    input  wire       clk_25mhz,
    input  wire       ftdi_txd,  // from the host
    output wire       ftdi_rxd,  // to the host
    output wire [7:0] led
);
  wire clk = clk_25mhz;

  // Registers are 0 after configuration: a reset until the clock has run for a while.
  reg [7:0] age = 8'd0;
  reg awake = 1'b0;
  wire line_broken;
  wire rst = !awake || line_broken;
  always @(posedge clk) begin
    if (!age[7]) age <= age + 1'b1;
    awake <= age[7];
  end

  wire rx_valid, rx_ready, tx_valid, tx_ready, beat_in, beat_out;
  wire [7:0] rx_data, tx_data;
  uart #(
      .DIVISOR(25)
  ) serial (
      .clk(clk),
      .rst(rst),
      .rxd(ftdi_txd),
      .txd(ftdi_rxd),
      .rx_valid(rx_valid),
      .rx_ready(rx_ready),
      .rx_data(rx_data),
      .broken(line_broken),
      .tx_valid(tx_valid),
      .tx_ready(tx_ready),
      .tx_data(tx_data)
  );
  bridge_engine core (
      .clk(clk),
      .rst(rst),
      .rx_valid(rx_valid),
      .rx_ready(rx_ready),
      .rx_data(rx_data),
      .tx_valid(tx_valid),
      .tx_ready(tx_ready),
      .tx_data(tx_data),
      .beat_in(beat_in),
      .beat_out(beat_out)
  );

  // Two lights blink with images in and out, one says that the design is there.
  reg [15:0] beats_in, beats_out;
  always @(posedge clk)
    if (rst) begin
      beats_in  <= 0;
      beats_out <= 0;
    end else begin
      beats_in  <= beats_in + {15'd0, beat_in};
      beats_out <= beats_out + {15'd0, beat_out};
    end
  assign led = {5'd0, beats_out[15], beats_in[15], awake};
endmodule

`default_nettype wire
