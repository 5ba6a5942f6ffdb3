// The sums of an online norm: S = sum of c and Q = sum of (c^2 + EPSILON) of each channel of a convolution, from its values as
// the write-back gives them, word by word, OC_LANES channels in turn. Each word's sums are added to its channel's, which go
// round in a shift register; `totals` hold those of all words so far. fixed/online_norm.h has the proof of the widths.
`default_nettype none

module moments #(
    parameter OC_LANES = 2,
    parameter PX_LANES = 8,
    parameter CHANNEL_WIDTH = 6,
    parameter [45:0] EPSILON = 46'd10995116
) (
    input  wire                            clk,
    input  wire                            rst,
    // a value
    input  wire                            valid,
    input  wire signed [             31:0] value,
    input  wire        [             63:0] square,
    input  wire                            first_pixel,  // of its word
    input  wire                            last_pixel,
    input  wire                            first_word,   // of its channel
    input  wire                            last_word,
    input  wire        [CHANNEL_WIDTH-1:0] channel,
    // two cycles later, for a word's last pixel: Q, S
    output reg                             total_valid,
    output reg                             total_last,   // of the channel
    output reg         [CHANNEL_WIDTH-1:0] total_channel,
    output reg         [            127:0] totals
);
  localparam PX_BITS = $clog2(PX_LANES);
  localparam [65:0] WORD_EPSILON = {20'd0, EPSILON} << PX_BITS;

  reg signed [35:0] word_sum;
  reg [65:0] word_squares;
  reg word_valid, first, last;
  reg [CHANNEL_WIDTH-1:0] word_channel;

  wire [127:0] previous;
  generate
    if (OC_LANES == 1) begin : one
      assign previous = totals;
    end else begin : several
      delay #(
          .WIDTH(128),
          .DEPTH(OC_LANES - 1)
      ) others (
          .clk(clk),
          .enable(word_valid),
          .in(totals),
          .out(previous)
      );
    end
  endgenerate

  always @(posedge clk)
    if (rst) begin
      word_valid  <= 1'b0;
      total_valid <= 1'b0;
    end else begin
      word_valid  <= valid && last_pixel;
      total_valid <= word_valid;
    end

  always @(posedge clk) begin
    if (valid) begin
      word_sum <= (first_pixel ? 36'sd0 : word_sum) + {{4{value[31]}}, value};
      word_squares <= (first_pixel ? WORD_EPSILON : word_squares) + {2'b00, square};
      word_channel <= channel;
      first <= first_word;
      last <= last_word;
    end
    if (word_valid) begin
      totals[47:0] <= (first ? 48'd0 : previous[47:0]) + {{12{word_sum[35]}}, word_sum};
      totals[127:48] <= (first ? 80'd0 : previous[127:48]) + {14'd0, word_squares};
      total_channel <= word_channel;
      total_last <= last;
    end
  end
endmodule

`default_nettype wire
