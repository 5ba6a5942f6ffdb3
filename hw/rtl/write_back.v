// Turns the finished sums of a tile into activations, one a cycle, and writes them as words of PX_LANES pixels:
//   c = saturate(round(high * 2^17 + low) + time bias)
//   y = saturate(round(c * scale) + shift)
//   out = saturate(y + old)  with `add` and below channel `old_channels`;  max(., 0) with `relu`
// With `combine` c is a map's pixel: the tile has one lane a word, all with the same scale and shift.
// An online norm takes two passes. In the first one, a convolution with `online`, out = c, and c and its square go to the
// sums of its channel; in the second one, `combine` with `online`, whose lanes are those of all channels one after another,
//   y = saturate(round(saturate(c - mean) * scale) + shift)
// Each saturation is reported. Stage numbers in names: s0 selects an output, s14 holds its value.
`default_nettype none

module write_back #(
    parameter PX_LANES = 8,
    parameter LANE_WIDTH = 1,
    parameter PIXEL_WIDTH = 3,
    parameter COUNT_WIDTH = 16,
    parameter WEIGHT_FRACTION = 20,
    parameter SCALE_FRACTION = 20,
    parameter MAP_ADDRESS_WIDTH = 9,
    parameter TABLE_ADDRESS_WIDTH = 10,
    parameter BIAS_ADDRESS_WIDTH = 14,
    parameter CHANNEL_WIDTH = 6  // of an online norm's channels
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
    input  wire                           online,
    input  wire [  MAP_ADDRESS_WIDTH-1:0] channel_words, // combine, online: words of a channel
    input  wire                           relu,
    input  wire                           add,
    output reg                            busy,
    // finished sums, two cycles after their selection
    output wire [         LANE_WIDTH-1:0] sum_lane,
    output reg  [        PIXEL_WIDTH-1:0] sum_pixel,
    input  wire signed [            47:0] sum_low,
    input  wire signed [            47:0] sum_high,
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
    input  wire [        PX_LANES*32-1:0] source_word,
    // old words, one cycle after their address; new words
    output wire [  MAP_ADDRESS_WIDTH-1:0] old_address,
    input  wire [        PX_LANES*32-1:0] old_word,
    output reg                            word_valid,
    output wire [  MAP_ADDRESS_WIDTH-1:0] word_address,
    output reg  [        PX_LANES*32-1:0] word,
    // saturations of this cycle
    output reg  [                    1:0] clips
);
  localparam LAST_PIXEL = PX_LANES - 1;

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
        map_s0 <= map_s0 + plane;
        old_s0 <= old_s0 + (old_stride2 ? plane << 2 : plane);
        source_s0 <= source_s0 + 1'b1;
        words_left <= words_left == 1 ? channel_words : words_left - 1'b1;
        if (words_left == 1) norm_channel_s0 <= norm_channel_s0 + 1'b1;
        if (!combine || (online && words_left == 1)) table_s0 <= table_s0 + 1'b1;
        bias_s0 <= bias_s0 + 9;
      end
    end

  // s1: the bias of the column's class
  wire left = left_s0 && sum_pixel == 0;
  wire right = right_s0 && last_pixel;
  always @(posedge clk) if (busy) bias_address <= bias_s0 + (left ? 0 : right ? 2 : 1);

  // s3: the exact sum, or the pixel to combine as a sum. c - mean = c + ~mean + 1: ones behind the point are that one, for
  // requantize adds a half of its own.
  reg signed [64:0] sum_s3;
  wire signed [47:0] upper = sum_high + (sum_low >>> 17);
  wire [PIXEL_WIDTH-1:0] pixel_s2;
  wire [31:0] source_s2;
  select #(
      .WIDTH(32),
      .COUNT(PX_LANES),
      .INDEX_WIDTH(PIXEL_WIDTH)
  ) select_source (
      .words(source_word),
      .index(pixel_s2),
      .out(source_s2)
  );
  localparam [64:0] BEHIND_THE_POINT = (65'd1 << WEIGHT_FRACTION) - 65'd1;
  wire [64:0] source_sum = {{33{source_s2[31]}}, source_s2} << WEIGHT_FRACTION;
  always @(posedge clk)
    if (busy) sum_s3 <= combine ? source_sum | (online ? BEHIND_THE_POINT : 65'd0) : {upper, sum_low[16:0]};

  // s5: c, or c - mean
  wire signed [31:0] c_s5, y_s11, out_s13;
  wire c_clipped, y_clipped, out_clipped;
  requantize #(
      .IN_WIDTH(65),
      .SHIFT(WEIGHT_FRACTION)
  ) requantize_sum (
      .clk(clk),
      .enable(busy),
      .value(sum_s3),
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
      .SHIFT(SCALE_FRACTION)
  ) requantize_norm (
      .clk(clk),
      .enable(busy),
      .value(product_s9),
      .addend(shift),
      .out(y_s11),
      .clipped(y_clipped)
  );

  // The first pass of an online norm: c, beside its square and as the result.
  wire signed [31:0] c_s9, c_s11;
  delay #(.WIDTH(32), .DEPTH(4)) delay_c (.clk(clk), .enable(busy), .in(c_s5), .out(c_s9));
  delay #(.WIDTH(32), .DEPTH(2)) delay_result (.clk(clk), .enable(busy), .in(c_s9), .out(c_s11));
  assign value_valid = summing && valid[9];
  assign value = c_s9;
  assign value_square = product_s9;

  // s13: y + old
  wire [PIXEL_WIDTH-1:0] old_pixel_s10;
  wire add_s10;
  wire signed [31:0] old_s10;
  reg signed [31:0] old_s11;
  select #(
      .WIDTH(32),
      .COUNT(PX_LANES),
      .INDEX_WIDTH(PIXEL_WIDTH)
  ) select_old (
      .words(old_word),
      .index(old_pixel_s10),
      .out(old_s10)
  );
  always @(posedge clk) if (busy) old_s11 <= add_s10 ? old_s10 : 32'sd0;
  requantize #(
      .IN_WIDTH(32),
      .SHIFT(0)
  ) requantize_out (
      .clk(clk),
      .enable(busy),
      .value(summing ? c_s11 : y_s11),
      .addend(old_s11),
      .out(out_s13),
      .clipped(out_clipped)
  );

  // s14: the word
  wire [PX_LANES*32-1:0] pushed;
  push #(
      .WIDTH(32),
      .COUNT(PX_LANES)
  ) collect (
      .words(word),
      .in(relu && out_s13[31] ? 32'd0 : out_s13),
      .out(pushed)
  );
  always @(posedge clk)
    if (busy) begin
      word  <= pushed;
      clips <= (valid[5] && c_clipped) + (valid[11] && y_clipped && !summing) + (valid[13] && out_clipped);
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
  delay #(.WIDTH(PIXEL_WIDTH), .DEPTH(11)) delay_last (.clk(clk), .enable(busy), .in(pixel_s2), .out(pixel_s13));
  delay #(.WIDTH(PIXEL_WIDTH + 1), .DEPTH(10)) delay_add (
      .clk(clk), .enable(busy), .in({add_s0, old_pixel_s0}), .out({add_s10, old_pixel_s10})
  );
  assign scale_address = table_s3;
endmodule

`default_nettype wire
