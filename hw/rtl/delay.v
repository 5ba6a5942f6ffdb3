// A value delayed by DEPTH enabled cycles. No reset, so that it becomes a shift-register LUT.
`default_nettype none

module delay #(
    parameter WIDTH = 1,
    parameter DEPTH = 2
) (
    input  wire             clk,
    input  wire             enable,
    input  wire [WIDTH-1:0] in,
    output wire [WIDTH-1:0] out
);
  `include "require.vh"
  `REQUIRE(DEPTH >= 2, "delay: DEPTH must be at least 2")

  reg [DEPTH*WIDTH-1:0] stages;

  always @(posedge clk) if (enable) stages <= {stages[(DEPTH-1)*WIDTH-1:0], in};

  assign out = stages[DEPTH*WIDTH-1-:WIDTH];
endmodule

`default_nettype wire
