// Turns the finished sums of a tile into activations, one a cycle, and writes them as words of PX_LANES pixels:
//   c = saturate32(round(sum) + time bias)                                        SUM_FRACTION bits behind the point
//   y = saturate(round(c * scale + shift))                                        ACTIVATION_FRACTION, as all that follows
//   out = saturate(y + old)  with `add` and below channel `old_channels`;  max(., 0) with `relu`
// With `combine` c is a map's pixel: the tile has one lane a word, all with the same scale and shift. With `depthwise`, which
// has no norm, y is the sum rounded once: where sums have more fraction than activations, c is rounded down.
// An online norm takes two passes. In the first one, a convolution with `online`, out = c, and c and its square go to the
// sums of its channel; in the second one, `combine` with `online`, whose lanes are those of all channels one after another,
//   y = saturate(round(saturate(c - mean) * scale) + shift)
// With `single` a channel's pixels become one value: combined, the mean of the 2^POOL_BITS pixels of a channel of `channel_words`
// words, one word written over the other, each pixel with the sum up to it; convolved, a word is not PX_LANES outputs but
// the 32 bits of the last pixel's c.
// Each saturation is reported. Stage numbers in names: s0 selects an output, s14 holds its value.
`default_nettype none

module write_back #(
    parameter PX_LANES = 8,
    parameter LANE_WIDTH = 1,
    parameter PIXEL_WIDTH = 3,
    parameter COUNT_WIDTH = 16,
    parameter MAC_DSPS = 2,
    parameter ACTIVATION_WIDTH = 32,
    parameter ACTIVATION_FRACTION = 20,
    parameter WEIGHT_FRACTION = 20,
    parameter SUM_FRACTION = 20,  // at least ACTIVATION_FRACTION
    parameter SCALE_FRACTION = 20,
    parameter MAP_ADDRESS_WIDTH = 9,
    parameter TABLE_ADDRESS_WIDTH = 10,
    parameter BIAS_ADDRESS_WIDTH = 14,
    parameter CHANNEL_WIDTH = 6,  // of an online norm's channels
    parameter POOL_BITS = 0
) (
    input  wire                           clk,
    input  wire                           rst,
    // start of a tile: addresses of its first lane; options stay put until busy falls. busy rises in the next cycle
    input  wire                           start,
    input  wire [  MAP_ADDRESS_WIDTH-1:0] tile_map,
    input  wire [  MAP_ADDRESS_WIDTH-1:0] tile_old,
    input  wire [  MAP_ADDRESS_WIDTH-1:0] tile_source,   // combine
    input  wire [TABLE_ADDRESS_WIDTH-1:0] tile_table,
    input  wire [ BIAS_ADDRESS_WIDTH-1:0] tile_bias,
    input  wire [        COUNT_WIDTH-1:0] tile_channel,
    input  wire                           tile_first,    // its words are their channels' first
    input  wire                           tile_last,     // their channels' last
    input  wire                           tile_left,     // its words are their rows' first
    input  wire                           tile_right,    // their rows' last
    input  wire [        COUNT_WIDTH-1:0] lanes,         // channels, or words to combine
    input  wire [  MAP_ADDRESS_WIDTH-1:0] plane,         // words from one lane's to the next one's
    input  wire [        COUNT_WIDTH-1:0] old_channels,
    input  wire                           old_stride2,   // old values are every second pixel of two words
    input  wire                           combine,
    input  wire                           depthwise,
    input  wire                           online,
    input  wire                           single,
    input  wire [  MAP_ADDRESS_WIDTH-1:0] channel_words, // combine, online or single: words of a channel
    input  wire                           relu,
    input  wire                           add,
    output reg                            busy,
    // finished sums, two cycles after their selection
    output wire [         LANE_WIDTH-1:0] sum_lane,
    output reg  [        PIXEL_WIDTH-1:0] sum_pixel,
    input  wire        [ MAC_DSPS*48-1:0] sum,
    // tables, two cycles after their address
    output reg  [ BIAS_ADDRESS_WIDTH-1:0] bias_address,
    input  wire signed [            31:0] bias,
    output wire [TABLE_ADDRESS_WIDTH-1:0] scale_address,
    input  wire signed [            31:0] scale,
    output wire [TABLE_ADDRESS_WIDTH-1:0] shift_address,
    input  wire signed [            31:0] shift,
    // online norms: a value of the first pass; mean and scale of the second one, one cycle after their addresses
    output wire                           value_valid,
    output wire signed [            31:0] value,
    output wire        [            63:0] value_square,
    output wire                           value_first_pixel,  // of its word
    output wire                           value_last_pixel,
    output wire                           value_first_word,   // of its channel
    output wire                           value_last_word,
    output wire [      CHANNEL_WIDTH-1:0] value_channel,
    output wire [      CHANNEL_WIDTH-1:0] mean_address,
    input  wire signed [            31:0] mean,
    output wire [      CHANNEL_WIDTH-1:0] norm_scale_address,
    input  wire signed [            31:0] norm_scale,
    // words to combine, one cycle after their address
    output wire [  MAP_ADDRESS_WIDTH-1:0] source_address,
    input  wire [PX_LANES*ACTIVATION_WIDTH-1:0] source_word,
    // old words, one cycle after their address; new words
    output wire [  MAP_ADDRESS_WIDTH-1:0] old_address,
    input  wire [PX_LANES*ACTIVATION_WIDTH-1:0] old_word,
    output reg                            word_valid,
    output wire [  MAP_ADDRESS_WIDTH-1:0] word_address,
    output reg  [PX_LANES*ACTIVATION_WIDTH-1:0] word,
    // saturations of this cycle
    output reg  [                    1:0] clips
);
  localparam LAST_PIXEL = PX_LANES - 1;
  localparam WIDTH = ACTIVATION_WIDTH;
  localparam EXACT_WIDTH = MAC_DSPS == 1 ? 48 : 65;  // of a joined sum
  localparam SUM_SHIFT = ACTIVATION_FRACTION + WEIGHT_FRACTION - SUM_FRACTION;
  localparam FINER = SUM_FRACTION - ACTIVATION_FRACTION;  // bits that sums have more

  `include "require.vh"
  `REQUIRE(FINER >= 0 && SUM_SHIFT >= 0, "write_back: sums have more fraction than activations, and less than products")
  `REQUIRE(POOL_BITS <= WEIGHT_FRACTION, "write_back: a mean needs as many bits behind the point of weights")

  // s0: which output
  reg selecting;
  reg [COUNT_WIDTH-1:0] lane_s0, lanes_left, channel_s0;
  reg [MAP_ADDRESS_WIDTH-1:0] map_s0, old_s0, source_s0;
  reg [TABLE_ADDRESS_WIDTH-1:0] table_s0;
  reg [BIAS_ADDRESS_WIDTH-1:0] bias_s0;
  reg left_s0, right_s0, first_s0, last_s0;
  reg [CHANNEL_WIDTH-1:0] norm_channel_s0;  // second pass
  reg [MAP_ADDRESS_WIDTH-1:0] words_left;  // of it
  wire last_pixel = sum_pixel == LAST_PIXEL[PIXEL_WIDTH-1:0];
  wire [PIXEL_WIDTH-1:0] pixel_s13;
  reg [13:1] valid;
  wire summing = online && !combine, normalising = online && combine;
  wire pooling = single && combine, unscaled = single && !combine;
  wire last_of_channel = words_left == 1;
  wire last_pixel_s5;

  assign sum_lane = lane_s0[LANE_WIDTH-1:0];

  always @(posedge clk)
    if (rst) begin
      busy <= 1'b0;
      selecting <= 1'b0;
      valid <= 0;
      word_valid <= 1'b0;
    end else begin
      if (start) selecting <= 1'b1;
      else if (last_pixel && lanes_left == 1) selecting <= 1'b0;
      valid <= {valid[12:1], selecting};
      busy <= start || selecting || valid != 0;
      word_valid <= valid[13] && pixel_s13 == LAST_PIXEL[PIXEL_WIDTH-1:0];
    end

  always @(posedge clk)
    if (start) begin
      lane_s0 <= 0;
      lanes_left <= lanes;
      channel_s0 <= tile_channel;
      sum_pixel <= 0;
      map_s0 <= tile_map;
      old_s0 <= tile_old;
      source_s0 <= tile_source;
      table_s0 <= tile_table;
      bias_s0 <= tile_bias;
      first_s0 <= tile_first;
      last_s0 <= tile_last;
      norm_channel_s0 <= 0;
      words_left <= channel_words;
      left_s0 <= tile_left;
      right_s0 <= tile_right;
    end else if (selecting) begin
      sum_pixel <= last_pixel ? 0 : sum_pixel + 1'b1;
      if (last_pixel) begin
        lane_s0 <= lane_s0 + 1'b1;
        lanes_left <= lanes_left - 1'b1;
        channel_s0 <= channel_s0 + 1'b1;
        if (!pooling || last_of_channel) map_s0 <= map_s0 + plane;
        old_s0 <= old_s0 + (old_stride2 ? plane << 2 : plane);
        source_s0 <= source_s0 + 1'b1;
        words_left <= last_of_channel ? channel_words : words_left - 1'b1;
        if (last_of_channel) norm_channel_s0 <= norm_channel_s0 + 1'b1;
        if (!combine || (online && last_of_channel)) table_s0 <= table_s0 + 1'b1;
        bias_s0 <= bias_s0 + 9;
      end
    end

  // s1: the bias of the column's class
  wire left = left_s0 && sum_pixel == 0;
  wire right = right_s0 && last_pixel;
  always @(posedge clk) if (busy) bias_address <= bias_s0 + (left ? 0 : right ? 2 : 1);

  // s3: the exact sum, or the pixel to combine as a sum, or the channel's pixels so far. c - mean = c + ~mean + 1: ones behind
  // the point are that one, for requantize adds a half of its own.
  reg signed [EXACT_WIDTH-1:0] sum_s3;
  wire [EXACT_WIDTH-1:0] exact;
  generate
    if (MAC_DSPS == 1) begin : one
      assign exact = sum;
    end else begin : two
      wire signed [47:0] sum_high = sum[95:48], sum_low = sum[47:0];
      wire signed [47:0] upper = sum_high + (sum_low >>> 17);
      assign exact = {upper, sum_low[16:0]};
    end
  endgenerate
  wire [PIXEL_WIDTH-1:0] pixel_s2;
  wire [WIDTH-1:0] source_s2;
  select #(
      .WIDTH(WIDTH),
      .COUNT(PX_LANES),
      .INDEX_WIDTH(PIXEL_WIDTH)
  ) select_source (
      .words(source_word),
      .index(pixel_s2),
      .out(source_s2)
  );
  localparam [EXACT_WIDTH-1:0] BEHIND_THE_POINT = ({{(EXACT_WIDTH - 1) {1'b0}}, 1'b1} << WEIGHT_FRACTION) - 1'b1;
  // A channel's first pixel begins a new sum; the mean's further bits lie behind the point of activations.
  wire first_of_channel_s2;
  wire [WIDTH+POOL_BITS-1:0] pool_s3 = sum_s3[WEIGHT_FRACTION+WIDTH-1-:WIDTH+POOL_BITS];
  wire [WIDTH+POOL_BITS-1:0] pool_s2 = (first_of_channel_s2 ? {(WIDTH + POOL_BITS) {1'b0}} : pool_s3) +
      {{(POOL_BITS + 1) {source_s2[WIDTH-1]}}, source_s2[WIDTH-2:0]};
  wire [EXACT_WIDTH-1:0] pool_sum = {{(EXACT_WIDTH - WIDTH - POOL_BITS) {pool_s2[WIDTH+POOL_BITS-1]}}, pool_s2}
      << (WEIGHT_FRACTION - POOL_BITS);
  // Without its half a sum is rounded down.
  localparam [EXACT_WIDTH-1:0] HALF =
      FINER > 0 && SUM_SHIFT > 0 ? {{(EXACT_WIDTH - 1) {1'b0}}, 1'b1} << (SUM_SHIFT > 0 ? SUM_SHIFT - 1 : 0) : 0;
  wire [EXACT_WIDTH-1:0] source_sum = {{(EXACT_WIDTH - WIDTH) {source_s2[WIDTH-1]}}, source_s2} << WEIGHT_FRACTION;
  always @(posedge clk)
    if (busy)
      sum_s3 <= pooling ? pool_sum : combine ? source_sum | (online ? BEHIND_THE_POINT : {EXACT_WIDTH{1'b0}}) : exact;

  // s5: c, or c - mean
  wire signed [31:0] c_s5;
  wire signed [WIDTH-1:0] y_s11, out_s13;
  wire c_clipped, y_clipped, out_clipped;
  requantize #(
      .IN_WIDTH(EXACT_WIDTH),
      .SHIFT(SUM_SHIFT),
      .OUT_WIDTH(32)
  ) requantize_sum (
      .clk(clk),
      .enable(busy),
      .value(depthwise || pooling ? sum_s3 & ~HALF : sum_s3),
      .addend(combine ? (online ? ~mean : 32'sd0) : bias),
      .out(c_s5),
      .clipped(c_clipped)
  );

  // s9: c * scale, or c^2; s11: y
  wire signed [63:0] product_s9;
  multiplier multiply (
      .clk(clk),
      .enable(busy),
      .a(c_s5),
      .b(summing ? c_s5 : normalising ? norm_scale : scale),
      .product(product_s9)
  );
  requantize #(
      .IN_WIDTH(64),
      .SHIFT(FINER + SCALE_FRACTION),
      .OUT_WIDTH(WIDTH),
      .ADDEND_WIDTH(32),
      .ADDEND_SHIFT(FINER)
  ) requantize_norm (
      .clk(clk),
      .enable(busy),
      .value(product_s9),
      .addend(shift),
      .out(y_s11),
      .clipped(y_clipped)
  );

  // The first pass of an online norm: c, beside its square and as the result.
  wire signed [31:0] c_s9;
  /* verilator lint_off UNUSEDSIGNAL */  // there are no online norms of narrow activations
  wire signed [31:0] c_s11;
  /* verilator lint_on UNUSEDSIGNAL */
  delay #(.WIDTH(32), .DEPTH(4)) delay_c (.clk(clk), .enable(busy), .in(c_s5), .out(c_s9));
  delay #(.WIDTH(32), .DEPTH(2)) delay_result (.clk(clk), .enable(busy), .in(c_s9), .out(c_s11));
  assign value_valid = summing && valid[9];
  assign value = c_s9;
  assign value_square = product_s9;

  // s13: y + old
  wire [PIXEL_WIDTH-1:0] old_pixel_s10;
  wire add_s10;
  wire signed [WIDTH-1:0] old_s10;
  reg signed [WIDTH-1:0] old_s11;
  select #(
      .WIDTH(WIDTH),
      .COUNT(PX_LANES),
      .INDEX_WIDTH(PIXEL_WIDTH)
  ) select_old (
      .words(old_word),
      .index(old_pixel_s10),
      .out(old_s10)
  );
  always @(posedge clk) if (busy) old_s11 <= add_s10 ? old_s10 : {WIDTH{1'b0}};
  requantize #(
      .IN_WIDTH(WIDTH),
      .SHIFT(0),
      .OUT_WIDTH(WIDTH)
  ) requantize_out (
      .clk(clk),
      .enable(busy),
      .value(summing ? c_s11[WIDTH-1:0] : y_s11),
      .addend(old_s11),
      .out(out_s13),
      .clipped(out_clipped)
  );

  // s14: the word
  /* verilator lint_off UNUSEDSIGNAL */  // there are no such words of less than 32 bits
  wire [31:0] c_s13;
  /* verilator lint_on UNUSEDSIGNAL */
  wire [PX_LANES*WIDTH-1:0] c_word;
  delay #(.WIDTH(32), .DEPTH(2)) delay_unscaled (.clk(clk), .enable(busy), .in(c_s11), .out(c_s13));
  generate
    if (PX_LANES * WIDTH > 32) assign c_word = {{(PX_LANES * WIDTH - 32) {1'b0}}, c_s13};
    else assign c_word = c_s13[PX_LANES*WIDTH-1:0];
  endgenerate
  wire [PX_LANES*WIDTH-1:0] pushed;
  push #(
      .WIDTH(WIDTH),
      .COUNT(PX_LANES)
  ) collect (
      .words(word),
      .in(relu && out_s13[WIDTH-1] ? {WIDTH{1'b0}} : out_s13),
      .out(pushed)
  );
  always @(posedge clk)
    if (busy) begin
      word  <= unscaled ? c_word : pushed;
      clips <= (valid[5] && c_clipped && !(depthwise && WIDTH < 32) && !(unscaled && !last_pixel_s5)) +
          (valid[11] && y_clipped && !summing && !unscaled) + (valid[13] && out_clipped);
    end else clips <= 2'd0;

  // What travels along. With old_stride2, pixel p of the output lies over pixel 2 p of two words.
  wire [PIXEL_WIDTH-1:0] old_pixel_s0 = old_stride2 ? sum_pixel << 1 : sum_pixel;
  wire [MAP_ADDRESS_WIDTH-1:0] old_word_s0 = old_s0 + (old_stride2 && PX_LANES > 1 && sum_pixel[PIXEL_WIDTH-1] ? 1 : 0);
  wire add_s0 = add && channel_s0 < old_channels;
  wire [TABLE_ADDRESS_WIDTH-1:0] table_s3;
  delay #(.WIDTH(TABLE_ADDRESS_WIDTH), .DEPTH(3)) delay_scale (.clk(clk), .enable(busy), .in(table_s0), .out(table_s3));
  delay #(.WIDTH(TABLE_ADDRESS_WIDTH), .DEPTH(4)) delay_shift (
      .clk(clk), .enable(busy), .in(table_s3), .out(shift_address)
  );
  delay #(.WIDTH(MAP_ADDRESS_WIDTH), .DEPTH(1)) delay_source (
      .clk(clk), .enable(busy), .in(source_s0), .out(source_address)
  );
  delay #(.WIDTH(CHANNEL_WIDTH), .DEPTH(2)) delay_mean (
      .clk(clk), .enable(busy), .in(norm_channel_s0), .out(mean_address)
  );
  delay #(.WIDTH(CHANNEL_WIDTH), .DEPTH(2)) delay_norm_scale (
      .clk(clk), .enable(busy), .in(mean_address), .out(norm_scale_address)
  );
  delay #(.WIDTH(CHANNEL_WIDTH + 4), .DEPTH(9)) delay_value (
      .clk(clk),
      .enable(busy),
      .in({channel_s0[CHANNEL_WIDTH-1:0], last_s0, first_s0, last_pixel, sum_pixel == 0}),
      .out({value_channel, value_last_word, value_first_word, value_last_pixel, value_first_pixel})
  );
  delay #(.WIDTH(MAP_ADDRESS_WIDTH), .DEPTH(9)) delay_old (.clk(clk), .enable(busy), .in(old_word_s0), .out(old_address));
  delay #(.WIDTH(MAP_ADDRESS_WIDTH), .DEPTH(14)) delay_word (.clk(clk), .enable(busy), .in(map_s0), .out(word_address));
  delay #(.WIDTH(PIXEL_WIDTH), .DEPTH(2)) delay_pixel (.clk(clk), .enable(busy), .in(sum_pixel), .out(pixel_s2));
  delay #(.WIDTH(1), .DEPTH(2)) delay_first_of_channel (
      .clk(clk), .enable(busy), .in(sum_pixel == 0 && words_left == channel_words), .out(first_of_channel_s2)
  );
  delay #(.WIDTH(1), .DEPTH(5)) delay_last_pixel (.clk(clk), .enable(busy), .in(last_pixel), .out(last_pixel_s5));
  delay #(.WIDTH(PIXEL_WIDTH), .DEPTH(11)) delay_last (.clk(clk), .enable(busy), .in(pixel_s2), .out(pixel_s13));
  delay #(.WIDTH(PIXEL_WIDTH + 1), .DEPTH(10)) delay_add (
      .clk(clk), .enable(busy), .in({add_s0, old_pixel_s0}), .out({add_s10, old_pixel_s10})
  );
  assign scale_address = table_s3;
endmodule

`default_nettype wire
