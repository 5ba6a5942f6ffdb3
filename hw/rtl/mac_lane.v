// One exact multiply-accumulate of a 32-bit activation and a 25-bit weight in two DSP48E1 and no adder outside them: the
// activation's 17 low bits (unsigned) and 15 high bits (signed) have a product and a 48-bit accumulator each;
//   sum(x * w) = high * 2^17 + low
// joined once per output by the write-back. No accumulator overflows as long as sum|w| <= 1,073,750,016 (1024 in Q20).
// The operands come from registers (the DSP's A and B); the product (M) and the sum (P) are registered here.
`default_nettype none

module mac_lane (
    input  wire               clk,
    // operands of this cycle
    input  wire signed [24:0] weight,
    input  wire        [31:0] activation,
    // control of the product of the last cycle: adds it to the sum; with restart a new sum starts with it
    input  wire               accumulate,
    input  wire               restart,
    // hands the sum over to low and high
    input  wire               finish,
    // the last finished sum
    output reg signed  [47:0] low,
    output reg signed  [47:0] high
);
  reg signed [42:0] product_low;
  reg signed [39:0] product_high;
  reg signed [47:0] sum_low, sum_high;

  /* verilator lint_off WIDTH */  // the signed products are extended; written out, Icarus is a sixth slower
  always @(posedge clk) begin
    product_low  <= weight * $signed({1'b0, activation[16:0]});
    product_high <= weight * $signed(activation[31:17]);
    if (accumulate) begin
      sum_low  <= (restart ? 48'sd0 : sum_low) + product_low;
      sum_high <= (restart ? 48'sd0 : sum_high) + product_high;
    end
    if (finish) begin
      low  <= sum_low;
      high <= sum_high;
    end
  end
  /* verilator lint_on WIDTH */
endmodule

`default_nettype wire
