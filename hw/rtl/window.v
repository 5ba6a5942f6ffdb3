// The pixels under one kernel column. For each kernel row three map words arrive, one after the other: the word before the
// output word's, that word, and the word after it. Then, for three cycles, come the PX_LANES pixels under kernel columns 0, 1
// and 2. With stride 2 an output word lies over two words, the second and third to arrive, and the columns come in the order
// 0, 2, 1: odd pixels first, moved on by one, then even ones. Words outside the row are zero. For a pointwise convolution each
// word is at once the operand.
`default_nettype none

module window #(
    parameter PX_LANES = 8,
    parameter WIDTH = 32
) (
    input  wire                      clk,
    input  wire                      arrive,   // of a word: three in consecutive cycles
    input  wire [               1:0] column,   // 0 the one before, 1 and 2
    input  wire                      outside,  // the row; words 0 and 2
    input  wire                      stride2,
    input  wire                      pointwise,
    input  wire [PX_LANES*WIDTH-1:0] word,
    output reg  [PX_LANES*WIDTH-1:0] pixels    // in the three cycles after the arrival of word 2; pointwise: in the next one
);
  localparam HALF = PX_LANES > 1 ? PX_LANES / 2 : 1;

  reg [WIDTH-1:0] neighbour;  // the left neighbour
  reg [PX_LANES*WIDTH-1:0] first;  // word 1
  reg [WIDTH-1:0] top;  // the next pixel to move in
  reg [HALF*WIDTH-1:0] saved;  // even pixels of word 2; its first one is the right neighbour
  reg second, third;  // kernel columns

  /* verilator lint_off UNUSEDSIGNAL */  // even pixels are taken from elsewhere; the last odd one moves in from top
  wire [2*PX_LANES*WIDTH-1:0] pair = {word, first};
  wire [PX_LANES*WIDTH-1:0] odd;
  /* verilator lint_on UNUSEDSIGNAL */
  wire [PX_LANES*WIDTH-1:0] even, left, right;
  genvar p;
  generate
    for (p = 0; p < PX_LANES; p = p + 1) begin : pixel
      assign odd[p*WIDTH+:WIDTH] = pair[(2*p+1)*WIDTH+:WIDTH];
      if (2 * p < PX_LANES) assign even[p*WIDTH+:WIDTH] = first[2*p*WIDTH+:WIDTH];
      else assign even[p*WIDTH+:WIDTH] = saved[(p-HALF)*WIDTH+:WIDTH];
      if (p == 0) assign left[0+:WIDTH] = neighbour;
      else assign left[p*WIDTH+:WIDTH] = stride2 ? odd[(p-1)*WIDTH+:WIDTH] : first[(p-1)*WIDTH+:WIDTH];
    end
  endgenerate
  push #(
      .WIDTH(WIDTH),
      .COUNT(PX_LANES)
  ) move_on (
      .words(pixels),
      .in(second ? top : saved[WIDTH-1:0]),
      .out(right)
  );

  always @(posedge clk) begin
    second <= arrive && column == 2;
    third  <= second;
    if (arrive) begin
      if (column == 0) neighbour <= outside ? {WIDTH{1'b0}} : word[PX_LANES*WIDTH-1-:WIDTH];
      if (column == 1) first <= word;
    end
    if (pointwise) pixels <= word;
    else if (arrive && column == 2) pixels <= left;
    else if (second || third) pixels <= third && stride2 ? even : right;
  end

  generate
    for (p = 0; p < HALF; p = p + 1) begin : half
      always @(posedge clk)
        if (arrive && column == 2) saved[p*WIDTH+:WIDTH] <= outside ? {WIDTH{1'b0}} : word[2*p*WIDTH+:WIDTH];
    end
  endgenerate
  always @(posedge clk)
    if (arrive && column == 2) top <= stride2 ? word[PX_LANES*WIDTH-1-:WIDTH] : first[PX_LANES*WIDTH-1-:WIDTH];
endmodule

`default_nettype wire
