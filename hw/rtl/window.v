// The pixels under one kernel column: loads a word of PX_LANES neighbouring pixels, shifted so that column 0 of a 3-wide
// kernel sees each pixel's left neighbour, and moves one pixel on with each further step. Outside the row is zero.
`default_nettype none

module window #(
    parameter PX_LANES = 8,
    parameter WIDTH = 32
) (
    input  wire                      clk,
    input  wire                      step,
    input  wire                      load,
    input  wire [PX_LANES*WIDTH-1:0] word,
    output wire [PX_LANES*WIDTH-1:0] pixels
);
  reg [(PX_LANES+1)*WIDTH-1:0] shifted;

  always @(posedge clk)
    if (step) shifted <= load ? {word, {WIDTH{1'b0}}} : {{WIDTH{1'b0}}, shifted[(PX_LANES+1)*WIDTH-1:WIDTH]};

  assign pixels = shifted[PX_LANES*WIDTH-1:0];
endmodule

`default_nettype wire
