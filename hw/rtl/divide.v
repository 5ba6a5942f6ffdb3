// quotient = (-1)^negative * numerator * 2^zeros / divisor, rounded half up and saturated, one bit a cycle:
// NUMERATOR_WIDTH + zeros + 2 cycles. The same in C++: fixed::divide_scaled_half_up, and fixed::divide_half_up with zeros = 0.
`default_nettype none

module divide #(
    parameter NUMERATOR_WIDTH = 48,
    parameter DIVISOR_WIDTH = 48,
    parameter OUT_WIDTH = 32,
    parameter COUNT_WIDTH = 7  // holds NUMERATOR_WIDTH + zeros + 1
) (
    input  wire                              clk,
    input  wire                              rst,
    input  wire                              start,
    input  wire                              negative,
    input  wire        [NUMERATOR_WIDTH-1:0] numerator,
    input  wire        [    COUNT_WIDTH-1:0] zeros,
    input  wire        [  DIVISOR_WIDTH-1:0] divisor,    // not 0
    output reg                               busy,       // from the cycle after start; the others are valid when it falls
    output reg signed  [      OUT_WIDTH-1:0] quotient,
    output reg                               clipped
);
  reg sign, overflow, finishing;
  reg [NUMERATOR_WIDTH-1:0] bits;  // still to come
  reg [DIVISOR_WIDTH-1:0] by, rest;
  reg [OUT_WIDTH:0] digits;  // of the magnitude, and one bit behind the point
  reg [COUNT_WIDTH-1:0] steps_left;

  wire [DIVISOR_WIDTH:0] next = {rest, bits[NUMERATOR_WIDTH-1]};
  wire [DIVISOR_WIDTH+1:0] difference = {1'b0, next} - {2'b00, by};
  wire fits = !difference[DIVISOR_WIDTH+1];

  // Halves go up, so that a negative quotient's magnitude is rounded up only beyond a half: -m - 1 = ~m.
  wire round_up = digits[0] && (!sign || rest != 0);
  wire [OUT_WIDTH+1:0] magnitude = {2'b00, digits[OUT_WIDTH:1]};
  wire [OUT_WIDTH+1:0] rounded = (sign ? ~magnitude : magnitude) + {{(OUT_WIDTH + 1) {1'b0}}, sign ^ round_up};
  wire clips = overflow || rounded[OUT_WIDTH+1:OUT_WIDTH-1] != {3{sign && rounded[OUT_WIDTH+1]}};

  always @(posedge clk)
    if (rst) begin
      busy <= 1'b0;
      finishing <= 1'b0;
      steps_left <= 0;
    end else if (start) begin
      busy <= 1'b1;
      finishing <= 1'b0;
      steps_left <= NUMERATOR_WIDTH[COUNT_WIDTH-1:0] + zeros + 1'b1;
    end else begin
      if (busy && !finishing) steps_left <= steps_left - 1'b1;
      finishing <= busy && !finishing && steps_left == 1;
      if (finishing) busy <= 1'b0;
    end

  always @(posedge clk)
    if (start) begin
      sign <= negative;
      bits <= numerator;
      by <= divisor;
      rest <= 0;
      digits <= 0;
      overflow <= 1'b0;
    end else if (busy && !finishing) begin
      bits <= bits << 1;
      rest <= fits ? difference[DIVISOR_WIDTH-1:0] : next[DIVISOR_WIDTH-1:0];
      digits <= {digits[OUT_WIDTH-1:0], fits};
      if (digits[OUT_WIDTH]) overflow <= 1'b1;
    end

  always @(posedge clk)
    if (finishing) begin
      quotient <= clips ? {sign, {(OUT_WIDTH - 1) {!sign}}} : rounded[OUT_WIDTH-1:0];
      clipped  <= clips;
    end

  wire unused = &{1'b0, difference[DIVISOR_WIDTH]};
endmodule

`default_nettype wire
