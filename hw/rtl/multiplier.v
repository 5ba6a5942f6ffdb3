// Exact signed 32 x 32 -> 64-bit product in four cycles and four DSP48E1: operands split into 17 low and 15 high bits
// (the 18-bit port) and 24 low and 8 high bits (the 25-bit port); two levels of adders of at most 48 bits join the parts.
`default_nettype none

module multiplier (
    input  wire               clk,
    input  wire               enable,
    input  wire signed [31:0] a,
    input  wire signed [31:0] b,
    output wire signed [63:0] product
);
  reg signed [17:0] a_low;
  reg signed [14:0] a_high;
  reg signed [24:0] b_low;
  reg signed [ 7:0] b_high;
  reg [40:0] low_low;
  reg signed [39:0] high_low, low_high, high_high;
  reg signed [39:0] lower;  // a * b_low, in units of 2^17
  reg signed [39:0] upper;  // a * b_high, in units of 2^24
  reg signed [39:0] joined;  // a * b, in units of 2^24
  reg [16:0] rest, rest_joined;
  reg [6:0] lower_rest;

  always @(posedge clk)
    if (enable) begin
      a_low <= {1'b0, a[16:0]};
      a_high <= a[31:17];
      b_low <= {1'b0, b[23:0]};
      b_high <= b[31:24];

      low_low <= a_low * b_low;
      high_low <= a_high * b_low;
      low_high <= a_low * b_high;
      high_high <= a_high * b_high;

      lower <= high_low + $signed({16'd0, low_low[40:17]});
      rest <= low_low[16:0];
      upper <= (high_high <<< 17) + low_high;

      joined <= upper + (lower >>> 7);
      lower_rest <= lower[6:0];
      rest_joined <= rest;
    end

  assign product = {joined, lower_rest, rest_joined};
endmodule

`default_nettype wire
