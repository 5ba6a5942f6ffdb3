// out = saturate(floor((value + addend * 2^(SHIFT - ADDEND_SHIFT) + 2^(SHIFT-1)) / 2^SHIFT)), a sum of two numbers rounded half
// up; clipped tells whether it saturated; two cycles. ADDEND_SHIFT bits of the addend lie behind the result's point. With none
// it is the same in C++ as fixed::saturate(fixed::round_half_up(value, SHIFT) + addend).
//
// What lies below the addend's lowest bit and below the half does not count:
//   floor((v + a 2^k + h 2^k) / 2^s) = floor((floor(v / 2^k) + a + h) / 2^(s-k))
// With ADDEND_SHIFT = 0 the half is one bit below the addend's lowest, and rounding needs no adder of its own.
`default_nettype none

module requantize #(
    parameter IN_WIDTH = 64,
    parameter SHIFT = 20,
    parameter OUT_WIDTH = 32,
    parameter ADDEND_WIDTH = OUT_WIDTH,
    parameter ADDEND_SHIFT = 0
) (
    input  wire                           clk,
    input  wire                           enable,
    input  wire signed [    IN_WIDTH-1:0] value,
    input  wire signed [ADDEND_WIDTH-1:0] addend,
    output reg  signed [   OUT_WIDTH-1:0] out,
    output reg                            clipped
);
  localparam BELOW = ADDEND_SHIFT == 0 ? 1 : ADDEND_SHIFT;  // bits of the sum below the result's lowest
  localparam DROPPED = SHIFT - BELOW;  // of the value; -1 for SHIFT = 0, which has no bit to round by: then a zero is appended
  localparam KEPT_WIDTH = IN_WIDTH - DROPPED;
  localparam ADDEND_BITS = ADDEND_SHIFT == 0 ? ADDEND_WIDTH + 1 : ADDEND_WIDTH;
  localparam SUM_WIDTH = (KEPT_WIDTH > ADDEND_BITS ? KEPT_WIDTH : ADDEND_BITS) + 1;
  localparam HALF = ADDEND_SHIFT == 0 ? 0 : 1 << (BELOW - 1);

  `include "require.vh"
  `REQUIRE(SHIFT >= 0 && ADDEND_SHIFT >= 0 && ADDEND_SHIFT <= SHIFT, "requantize: 0 <= ADDEND_SHIFT <= SHIFT")
  `REQUIRE(ADDEND_SHIFT == 0 || KEPT_WIDTH > ADDEND_WIDTH + 1, "requantize: the addend is wider than the value")
  `REQUIRE(SUM_WIDTH >= OUT_WIDTH + BELOW, "requantize: the result is wider than the sum")

  wire signed [SUM_WIDTH-1:0] kept, addend_and_half;
  generate
    if (SHIFT == 0) assign kept = {{(SUM_WIDTH - IN_WIDTH - 1) {value[IN_WIDTH-1]}}, value, 1'b0};
    else assign kept = {{(SUM_WIDTH - KEPT_WIDTH) {value[IN_WIDTH-1]}}, value[IN_WIDTH-1:DROPPED]};
    if (ADDEND_SHIFT == 0)
      assign addend_and_half = {{(SUM_WIDTH - ADDEND_BITS) {addend[ADDEND_WIDTH-1]}}, addend, 1'b1};
    else assign addend_and_half = {{(SUM_WIDTH - ADDEND_BITS) {addend[ADDEND_WIDTH-1]}}, addend} + HALF;
  endgenerate

  reg signed [SUM_WIDTH-1:0] sum;
  wire [SUM_WIDTH-1:OUT_WIDTH+BELOW-1] upper = sum[SUM_WIDTH-1:OUT_WIDTH+BELOW-1];  // sign bits, unless the result overflows
  wire overflow = upper != {(SUM_WIDTH - OUT_WIDTH - BELOW + 1) {sum[SUM_WIDTH-1]}};

  always @(posedge clk)
    if (enable) begin
      sum <= kept + addend_and_half;
      out <= overflow ? {sum[SUM_WIDTH-1], {(OUT_WIDTH - 1) {!sum[SUM_WIDTH-1]}}} : sum[BELOW+:OUT_WIDTH];
      clipped <= overflow;
    end
endmodule

`default_nettype wire
