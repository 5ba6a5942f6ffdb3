// A serial line, 8N1: bytes in as they come, bytes out when the line is free. A byte that is not taken in the cycle in which
// it is valid waits until the next one has come, and is lost then. `broken` while the host holds the line low for longer than
// any byte: a break. It is there during a reset, too.
`default_nettype none

module uart #(
    parameter DIVISOR = 25  // clock cycles a bit
) (
    input  wire       clk,
    input  wire       rst,
    // pins
    input  wire       rxd,
    output reg        txd,
    // bytes in
    output reg        rx_valid,
    input  wire       rx_ready,
    output reg  [7:0] rx_data,
    output wire       broken,
    // bytes out
    input  wire       tx_valid,
    output wire       tx_ready,
    input  wire [7:0] tx_data
);
  localparam WIDTH = $clog2(DIVISOR + DIVISOR / 2 + 1);
  localparam BIT = DIVISOR - 1, BIT_AND_HALF = DIVISOR + DIVISOR / 2 - 2;

  // In: wait for the start bit, then look into the middle of each of the eight bits and the stop bit.
  reg [2:0] line;  // synchronised
  reg [WIDTH-1:0] rx_wait;
  reg [3:0] rx_left;
  reg [7:0] rx_bits;
  always @(posedge clk) line <= {line[1:0], rxd};
  always @(posedge clk)
    if (rst) begin
      rx_valid <= 1'b0;
      rx_left  <= 0;
    end else begin
      if (rx_ready) rx_valid <= 1'b0;
      if (rx_left == 0) begin
        if (line[2] && !line[1]) begin
          rx_left <= 9;
          rx_wait <= BIT_AND_HALF[WIDTH-1:0];
        end
      end else if (rx_wait != 0) rx_wait <= rx_wait - 1'b1;
      else begin
        rx_wait <= BIT[WIDTH-1:0];
        rx_left <= rx_left - 1'b1;
        if (rx_left == 1) begin
          rx_valid <= line[1];
          rx_data  <= rx_bits;
        end else rx_bits <= {line[1], rx_bits[7:1]};
      end
    end

  // A break is twice as long as a byte.
  localparam BREAK = 20 * DIVISOR, BREAK_WIDTH = $clog2(BREAK + 1);
  reg [BREAK_WIDTH-1:0] low = 0;
  assign broken = low == BREAK[BREAK_WIDTH-1:0];
  always @(posedge clk)
    if (line[1]) low <= 0;
    else if (!broken) low <= low + 1'b1;

  // Out: start bit, eight bits, stop bit.
  reg [WIDTH-1:0] tx_wait;
  reg [3:0] tx_left;
  reg [8:0] tx_bits;
  assign tx_ready = tx_left == 0;
  always @(posedge clk)
    if (rst) begin
      txd <= 1'b1;
      tx_left <= 0;
    end else if (tx_left == 0) begin
      if (tx_valid) begin
        txd <= 1'b0;
        tx_bits <= {1'b1, tx_data};
        tx_left <= 10;
        tx_wait <= BIT[WIDTH-1:0];
      end
    end else if (tx_wait != 0) tx_wait <= tx_wait - 1'b1;
    else begin
      tx_wait <= BIT[WIDTH-1:0];
      tx_left <= tx_left - 1'b1;
      txd <= tx_bits[0];
      tx_bits <= {1'b1, tx_bits[8:1]};
    end
endmodule

`default_nettype wire
