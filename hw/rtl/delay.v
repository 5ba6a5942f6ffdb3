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
  `REQUIRE(DEPTH >= 1, "delay: DEPTH must be at least 1")

  reg [DEPTH*WIDTH-1:0] stages;

  generate
    if (DEPTH == 1) begin : one
      always @(posedge clk) if (enable) stages <= in;
    end else begin : several
      always @(posedge clk) if (enable) stages <= {stages[(DEPTH-1)*WIDTH-1:0], in};
    end
  endgenerate

  assign out = stages[DEPTH*WIDTH-1-:WIDTH];
endmodule

`default_nettype wire
