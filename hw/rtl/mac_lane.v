// One exact multiply-accumulate in one or two DSP48E1 and no adder outside them. In one, operands of 25 x 18 bits have a
// product and a 48-bit accumulator. In two, of up to 32 x 25, the activation's 17 low bits (unsigned) and the others (signed)
// have such each; the write-back joins them once per output:
//   sum(x * w) = high * 2^17 + low
// No accumulator overflows as long as sum|w| * 2^(ACTIVATION_WIDTH - 1) < 2^47 in one DSP; in two, for activations of any
// width, as long as sum|w| <= 1,073,750,016 (1024 in Q20).
// The operands come from registers (the DSP's A and B); the product (M) and the sum (P) are registered here.
`default_nettype none

module mac_lane #(
    parameter ACTIVATION_WIDTH = 32,
    parameter WEIGHT_WIDTH = 25,
    parameter DSPS = 2
) (
    input  wire                               clk,
    // operands of this cycle
    input  wire signed [    WEIGHT_WIDTH-1:0] weight,
    input  wire signed [ACTIVATION_WIDTH-1:0] activation,
    // control of the product of the last cycle: adds it to the sum; with restart a new sum starts with it
    input  wire                               accumulate,
    input  wire                               restart,
    // hands the sum over
    input  wire                               finish,
    // the last finished sum; of two DSPs: high, low
    output reg         [         DSPS*48-1:0] sum
);
  `include "require.vh"
  `REQUIRE(ACTIVATION_WIDTH <= 32 && WEIGHT_WIDTH <= 25, "mac_lane: operands of at most 32 x 25 bits")
  `REQUIRE(DSPS == 2 || (ACTIVATION_WIDTH <= 25 && WEIGHT_WIDTH <= 18) || (ACTIVATION_WIDTH <= 18 && WEIGHT_WIDTH <= 25),
           "mac_lane: one DSP multiplies at most 25 x 18 bits")

  /* verilator lint_off WIDTH */  // the signed products are extended; written out, Icarus is a sixth slower
  generate
    if (DSPS == 1) begin : one
      reg signed [ACTIVATION_WIDTH+WEIGHT_WIDTH-1:0] product;
      reg signed [47:0] total;

      always @(posedge clk) begin
        product <= weight * activation;
        if (accumulate) total <= (restart ? 48'sd0 : total) + product;
        if (finish) sum <= total;
      end
    end else begin : two
      wire signed [31:0] wide = activation;
      reg signed [42:0] product_low;
      reg signed [39:0] product_high;
      reg signed [47:0] sum_low, sum_high;

      always @(posedge clk) begin
        product_low  <= weight * $signed({1'b0, wide[16:0]});
        product_high <= weight * $signed(wide[31:17]);
        if (accumulate) begin
          sum_low  <= (restart ? 48'sd0 : sum_low) + product_low;
          sum_high <= (restart ? 48'sd0 : sum_high) + product_high;
        end
        if (finish) sum <= {sum_high, sum_low};
      end
    end
  endgenerate
  /* verilator lint_on WIDTH */
endmodule

`default_nettype wire
