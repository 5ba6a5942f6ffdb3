// One exact multiply-accumulate of a 32-bit activation and a 25-bit weight in two DSP48E1 and no adder outside them: the
// activation's 17 low bits (unsigned) and 15 high bits (signed) have a product and a 48-bit accumulator each;
//   sum(x * w) = high * 2^17 + low
// joined once per output by the write-back. No accumulator overflows as long as sum|w| < 2^30, that is 1024 in Q20.
// The operands come from registers (the DSP's A and B); the product (M) and the sum (P) are registered here.
`default_nettype none

module mac_lane (
    input  wire               clk,
    // operands of this cycle
    input  wire signed [24:0] weight,
    input  wire        [31:0] activation,
    // control of the product registered in the last cycle
    input  wire               accumulate,  // adds the product,
    input  wire               first,       // to zero instead of to the sum so far
    // copies the sum of the last cycle, to be read while the next one grows
    input  wire               capture,
    output reg signed  [47:0] low,
    output reg signed  [47:0] high
);
  reg signed [42:0] product_low;
  reg signed [39:0] product_high;
  reg signed [47:0] sum_low, sum_high;

  always @(posedge clk) begin
    product_low  <= weight * $signed({1'b0, activation[16:0]});
    product_high <= weight * $signed(activation[31:17]);
    if (accumulate) begin
      sum_low  <= (first ? 48'sd0 : sum_low) + {{5{product_low[42]}}, product_low};
      sum_high <= (first ? 48'sd0 : sum_high) + {{8{product_high[39]}}, product_high};
    end
    if (capture) begin
      low  <= sum_low;
      high <= sum_high;
    end
  end
endmodule

`default_nettype wire
