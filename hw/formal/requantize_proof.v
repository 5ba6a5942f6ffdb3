// requantize equals its definition for every value and addend:
//   saturate(floor((value + addend * 2^(SHIFT - ADDEND_SHIFT) + half) / 2^SHIFT))
`default_nettype none

module requantize_proof #(
    parameter IN_WIDTH  = 20,
    parameter SHIFT     = 7,
    parameter OUT_WIDTH = 12,
    parameter ADDEND_WIDTH = OUT_WIDTH,
    parameter ADDEND_SHIFT = 0
) (
    input wire                        clk,
    input wire                        enable,
    input wire signed [ IN_WIDTH-1:0] value,
    input wire signed [ADDEND_WIDTH-1:0] addend
);
  wire signed [OUT_WIDTH-1:0] out;
  wire clipped;
  requantize #(
      .IN_WIDTH (IN_WIDTH),
      .SHIFT    (SHIFT),
      .OUT_WIDTH(OUT_WIDTH),
      .ADDEND_WIDTH(ADDEND_WIDTH),
      .ADDEND_SHIFT(ADDEND_SHIFT)
  ) dut (
      .clk(clk),
      .enable(enable),
      .value(value),
      .addend(addend),
      .out(out),
      .clipped(clipped)
  );

  localparam WIDE = (IN_WIDTH > SHIFT + ADDEND_WIDTH ? IN_WIDTH : SHIFT + ADDEND_WIDTH) + 4;
  wire signed [WIDE-1:0] half = SHIFT == 0 ? 0 : 1 << (SHIFT > 0 ? SHIFT - 1 : 0);
  wire signed [WIDE-1:0] wide_value = value;
  wire signed [WIDE-1:0] wide_addend = addend;
  wire signed [WIDE-1:0] exact = (wide_value + (wide_addend <<< (SHIFT - ADDEND_SHIFT)) + half) >>> SHIFT;
  wire signed [WIDE-1:0] largest = (1 << (OUT_WIDTH - 1)) - 1;
  wire signed [WIDE-1:0] smallest = -largest - 1;
  wire clips = exact > largest || exact < smallest;
  wire signed [WIDE-1:0] expected = exact > largest ? largest : exact < smallest ? smallest : exact;

  reg signed [OUT_WIDTH-1:0] expected_1, expected_2;
  reg clips_1, clips_2;
  reg [1:0] known = 2'd0;  // values that have come through

  always @(posedge clk)
    if (enable) begin
      expected_1 <= expected[OUT_WIDTH-1:0];
      expected_2 <= expected_1;
      clips_1 <= clips;
      clips_2 <= clips_1;
      known <= {known[0], 1'b1};
    end

  always @* if (known[1]) assert (out == expected_2 && clipped == clips_2);
endmodule

`default_nettype wire
