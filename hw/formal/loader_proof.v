// The loader takes words * PX_LANES beats and writes as many words to rising addresses, each once.
`default_nettype none

module loader_proof #(
    parameter PX_LANES = 2,
    parameter PIXEL_WIDTH = 1
) (
    input wire        clk,
    input wire        rst,
    input wire        start,
    input wire [ 3:0] base,
    input wire [ 3:0] words,
    input wire        s_axis_tvalid,
    input wire [31:0] s_axis_tdata
);
  wire running, s_axis_tready, write_enable;
  wire [3:0] write_address;
  wire [PX_LANES*32-1:0] write_data;
  loader #(
      .PX_LANES(PX_LANES),
      .PIXEL_WIDTH(PIXEL_WIDTH),
      .COUNT_WIDTH(4),
      .MAP_ADDRESS_WIDTH(4)
  ) dut (
      .clk(clk),
      .rst(rst),
      .start(start),
      .base(base),
      .words(words),
      .running(running),
      .s_axis_tvalid(s_axis_tvalid),
      .s_axis_tready(s_axis_tready),
      .s_axis_tdata(s_axis_tdata),
      .write_enable(write_enable),
      .write_address(write_address),
      .write_data(write_data)
  );

  // Registers of the loader: Yosys joins them by their names when it flattens.
  (* hierconn *) wire [3:0] \dut.words_left ;
  (* hierconn *) wire [PIXEL_WIDTH-1:0] \dut.pixel ;

  reg started = 1'b0;
  reg [7:0] beats = 0;  // still to come
  reg [3:0] to_write = 0;  // words
  reg [3:0] next_address;
  always @(posedge clk) begin
    started <= 1'b1;
    if (rst) begin
      beats <= 0;
      to_write <= 0;
    end else if (start) begin
      beats <= words * PX_LANES;
      to_write <= words;
      next_address <= base;
    end else begin
      if (s_axis_tvalid && s_axis_tready) beats <= beats - 1'b1;
      if (write_enable) begin
        to_write <= to_write - 1'b1;
        next_address <= next_address + 1'b1;
      end
    end
  end

  always @* begin
    assume (started || rst);
    assume (!start || (!running && words != 0));
    if (started) begin
      if (s_axis_tready) assert (running && beats != 0);
      if (write_enable) assert (running && to_write != 0);
      if (!running) assert (beats == 0 && to_write == 0 && !write_enable && !s_axis_tready);
      if (running) begin
        assert (write_address == next_address);
        assert (beats == (s_axis_tready ? \dut.words_left * PX_LANES - \dut.pixel  : 0));
        assert (to_write == (s_axis_tready ? \dut.words_left  : 4'd0) + {3'd0, write_enable});
      end
    end
  end
endmodule

`default_nettype wire
