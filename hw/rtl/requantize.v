// out = saturate(round_half_up(value, SHIFT) + addend), clipped tells whether it saturated; two cycles.
// The same function in C++: fixed::saturate(fixed::round_half_up(value, SHIFT) + addend).
//
// Rounding needs no adder of its own:
//   floor((v + 2^(s-1)) / 2^s) + a = floor((floor(v / 2^(s-1)) + 2 a + 1) / 2)
// so the addend enters one bit higher with a one below it, and the lowest bit of the sum is dropped.
`default_nettype none

module requantize #(
    parameter IN_WIDTH  = 64,
    parameter SHIFT     = 20,
    parameter OUT_WIDTH = 32
) (
    input  wire                        clk,
    input  wire                        enable,
    input  wire signed [ IN_WIDTH-1:0] value,
    input  wire signed [OUT_WIDTH-1:0] addend,
    output reg  signed [OUT_WIDTH-1:0] out,
    output reg                         clipped
);
  `include "require.vh"
  `REQUIRE(SHIFT >= 0 && IN_WIDTH - SHIFT >= OUT_WIDTH, "requantize: 0 <= SHIFT <= IN_WIDTH - OUT_WIDTH")

  // SHIFT = 0 has no bit to round by; a zero is appended instead.
  localparam SUM_WIDTH = IN_WIDTH - SHIFT + 2;  // with one bit below the result's lowest

  wire signed [SUM_WIDTH-1:0] kept;
  generate
    if (SHIFT == 0) assign kept = {value[IN_WIDTH-1], value, 1'b0};
    else assign kept = {value[IN_WIDTH-1], value[IN_WIDTH-1:SHIFT-1]};
  endgenerate

  reg signed [SUM_WIDTH-1:0] sum;
  wire signed [SUM_WIDTH-1:0] addend_and_half = {{(SUM_WIDTH - OUT_WIDTH - 1) {addend[OUT_WIDTH-1]}}, addend, 1'b1};
  wire [SUM_WIDTH-1:OUT_WIDTH] upper = sum[SUM_WIDTH-1:OUT_WIDTH];  // sign bits, unless the result overflows
  wire overflow = upper != {(SUM_WIDTH - OUT_WIDTH) {sum[SUM_WIDTH-1]}};

  always @(posedge clk)
    if (enable) begin
      sum <= kept + addend_and_half;
      out <= overflow ? {sum[SUM_WIDTH-1], {(OUT_WIDTH - 1) {!sum[SUM_WIDTH-1]}}} : sum[OUT_WIDTH:1];
      clipped <= overflow;
    end
endmodule

`default_nettype wire
