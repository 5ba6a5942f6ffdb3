// Turns the captured sums of a tile into activations, one a cycle, and writes them as words of PX_LANES pixels:
//   c = saturate(round(high * 2^17 + low) + time bias)
//   y = saturate(round(c * scale) + shift)
//   out = saturate(y + old)  with `add`, old being the word's value so far;  max(., 0) with `relu`
// Each saturation is reported. Stage numbers in names: s0 selects an output, s14 holds its value.
`default_nettype none

module write_back #(
    parameter OC_LANES = 2,
    parameter PX_LANES = 8,
    parameter LANE_WIDTH = 1,
    parameter PIXEL_WIDTH = 3,
    parameter WEIGHT_FRACTION = 20,
    parameter SCALE_FRACTION = 20,
    parameter MAP_ADDRESS_WIDTH = 9,
    parameter TABLE_ADDRESS_WIDTH = 10,
    parameter BIAS_ADDRESS_WIDTH = 14
) (
    input  wire                           clk,
    input  wire                           rst,
    // start of a tile: addresses of its first output channel; options stay put until busy falls. busy rises in the next cycle
    input  wire                           start,
    input  wire [  MAP_ADDRESS_WIDTH-1:0] tile_map,
    input  wire [TABLE_ADDRESS_WIDTH-1:0] tile_table,
    input  wire [ BIAS_ADDRESS_WIDTH-1:0] tile_bias,
    input  wire [  MAP_ADDRESS_WIDTH-1:0] height,
    input  wire                           relu,
    input  wire                           add,
    output reg                            busy,
    // captured sums, two cycles after their selection
    output reg  [         LANE_WIDTH-1:0] sum_lane,
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
    // the destination map: old word one cycle after its address, new word
    output wire [  MAP_ADDRESS_WIDTH-1:0] old_address,
    input  wire [        PX_LANES*32-1:0] old_word,
    output reg                            word_valid,
    output wire [  MAP_ADDRESS_WIDTH-1:0] word_address,
    output reg  [        PX_LANES*32-1:0] word,
    // saturations of this cycle
    output reg  [                    1:0] clips
);
  localparam LAST_PIXEL = PX_LANES - 1;
  localparam LAST_LANE = OC_LANES - 1;

  // s0: which output
  reg selecting;
  reg [MAP_ADDRESS_WIDTH-1:0] map_s0;
  reg [TABLE_ADDRESS_WIDTH-1:0] table_s0;
  reg [BIAS_ADDRESS_WIDTH-1:0] bias_s0;
  wire last_pixel = sum_pixel == LAST_PIXEL[PIXEL_WIDTH-1:0];

  reg [13:1] valid;

  always @(posedge clk)
    if (rst) begin
      busy <= 1'b0;
      selecting <= 1'b0;
      valid <= 0;
      word_valid <= 1'b0;
    end else begin
      if (start) selecting <= 1'b1;
      else if (last_pixel && sum_lane == LAST_LANE[LANE_WIDTH-1:0]) selecting <= 1'b0;
      valid <= {valid[12:1], selecting};
      busy <= start || selecting || valid != 0;
      word_valid <= valid[13] && pixel_s13 == LAST_PIXEL[PIXEL_WIDTH-1:0];
    end

  always @(posedge clk)
    if (start) begin
      sum_lane <= 0;
      sum_pixel <= 0;
      map_s0 <= tile_map;
      table_s0 <= tile_table;
      bias_s0 <= tile_bias;
    end else if (selecting) begin
      sum_pixel <= sum_pixel + 1'b1;
      if (last_pixel) begin
        sum_lane <= sum_lane + 1'b1;
        map_s0   <= map_s0 + height;
        table_s0 <= table_s0 + 1'b1;
        bias_s0  <= bias_s0 + 9;
      end
    end

  // s1: the bias of the column's class
  always @(posedge clk)
    if (busy) bias_address <= bias_s0 + (sum_pixel == 0 ? 0 : last_pixel ? 2 : 1);

  // s3: the exact sum
  reg signed [64:0] sum_s3;
  wire signed [47:0] upper = sum_high + (sum_low >>> 17);
  always @(posedge clk) if (busy) sum_s3 <= {upper, sum_low[16:0]};

  // s5: c
  wire signed [31:0] c_s5, y_s11, out_s13;
  wire c_clipped, y_clipped, out_clipped;
  requantize #(
      .IN_WIDTH(65),
      .SHIFT(WEIGHT_FRACTION)
  ) requantize_sum (
      .clk(clk),
      .enable(busy),
      .value(sum_s3),
      .addend(bias),
      .out(c_s5),
      .clipped(c_clipped)
  );

  // s9: c * scale, s11: y
  wire signed [63:0] product_s9;
  multiplier multiply (
      .clk(clk),
      .enable(busy),
      .a(c_s5),
      .b(scale),
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

  // s13: y + old
  wire [PIXEL_WIDTH-1:0] pixel_s10, pixel_s13;
  reg signed [31:0] old_s11;
  wire signed [31:0] old_s10;
  select #(
      .WIDTH(32),
      .INDEX_WIDTH(PIXEL_WIDTH)
  ) select_old (
      .words(old_word),
      .index(pixel_s10),
      .out(old_s10)
  );
  always @(posedge clk) if (busy) old_s11 <= add ? old_s10 : 32'sd0;
  requantize #(
      .IN_WIDTH(32),
      .SHIFT(0)
  ) requantize_out (
      .clk(clk),
      .enable(busy),
      .value(y_s11),
      .addend(old_s11),
      .out(out_s13),
      .clipped(out_clipped)
  );

  // s14: the word, its first pixel moving down to the lowest bits
  always @(posedge clk)
    if (busy) begin
      word  <= {relu && out_s13[31] ? 32'd0 : out_s13, word[PX_LANES*32-1:32]};
      clips <= (valid[5] && c_clipped) + (valid[11] && y_clipped) + (valid[13] && out_clipped);
    end else clips <= 2'd0;

  // What travels along
  wire [TABLE_ADDRESS_WIDTH-1:0] table_s3;
  wire [MAP_ADDRESS_WIDTH-1:0] map_s9;
  delay #(.WIDTH(TABLE_ADDRESS_WIDTH), .DEPTH(3)) delay_scale (.clk(clk), .enable(busy), .in(table_s0), .out(table_s3));
  delay #(.WIDTH(TABLE_ADDRESS_WIDTH), .DEPTH(4)) delay_shift (
      .clk(clk), .enable(busy), .in(table_s3), .out(shift_address)
  );
  delay #(.WIDTH(MAP_ADDRESS_WIDTH), .DEPTH(9)) delay_old (.clk(clk), .enable(busy), .in(map_s0), .out(map_s9));
  delay #(.WIDTH(MAP_ADDRESS_WIDTH), .DEPTH(5)) delay_word (.clk(clk), .enable(busy), .in(map_s9), .out(word_address));
  delay #(.WIDTH(PIXEL_WIDTH), .DEPTH(10)) delay_pixel (.clk(clk), .enable(busy), .in(sum_pixel), .out(pixel_s10));
  delay #(.WIDTH(PIXEL_WIDTH), .DEPTH(3)) delay_last (.clk(clk), .enable(busy), .in(pixel_s10), .out(pixel_s13));
  assign scale_address = table_s3;
  assign old_address = map_s9;
endmodule

`default_nettype wire
