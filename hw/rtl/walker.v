// Walks a 3x3 convolution with padding 1, one kernel tap a cycle:
//   for each output-channel group, output row, output word: (a tile: OC_LANES x PX_LANES outputs)
//     for each input channel, kernel row inside the image: three words (see window)
// and gives the addresses of the map word and the weight of each step. The last step of a tile waits until WRITE_BACK
// cycles after the last step of the tile before, so that finished sums are never overwritten before they were read.
// `pointwise`: one word for each input channel. `depthwise`: a group is one channel, and its input the channel of the
// same number.
//
// Maps are [channel][row][word]; weights [group][input channel][kernel row][three columns]; tables [channel].
`default_nettype none

module walker #(
    parameter OC_LANES = 2,
    parameter WRITE_BACK = 16,  // at least 8
    parameter DEPTHWISE_WRITE_BACK = 8,  // of one channel; at least 8
    parameter COUNT_WIDTH = 16,
    parameter WEIGHT_ADDRESS_WIDTH = 16,
    parameter MAP_ADDRESS_WIDTH = 9,
    parameter TABLE_ADDRESS_WIDTH = 10,
    parameter BIAS_ADDRESS_WIDTH = 14
) (
    input  wire                            clk,
    input  wire                            rst,
    // start of a convolution; its description stays put until running falls
    input  wire                            start,
    input  wire                            pointwise,
    input  wire                            depthwise,
    input  wire                            stride2,      // input rows and words are twice the output's
    input  wire                            old_stride2,  // so are those of the old values
    input  wire [         COUNT_WIDTH-1:0] in_channels,
    input  wire [         COUNT_WIDTH-1:0] groups,
    input  wire [   MAP_ADDRESS_WIDTH-1:0] rows,         // of the output
    input  wire [   MAP_ADDRESS_WIDTH-1:0] row_words,    // words a row of the output
    input  wire [   MAP_ADDRESS_WIDTH-1:0] plane,        // words a channel of the output
    input  wire [   MAP_ADDRESS_WIDTH-1:0] source_base,
    input  wire [   MAP_ADDRESS_WIDTH-1:0] destination_base,
    input  wire [   MAP_ADDRESS_WIDTH-1:0] old_base,
    input  wire [WEIGHT_ADDRESS_WIDTH-1:0] weight_base,
    input  wire [ TABLE_ADDRESS_WIDTH-1:0] table_base,
    input  wire [  BIAS_ADDRESS_WIDTH-1:0] bias_base,
    output reg                             running,
    // this cycle's step
    output wire                            step,
    output wire                            first,        // of the tile
    output wire                            last,         // of the tile
    output reg  [                     1:0] column,
    output wire                            outside,      // the map word is none of the row's
    output reg  [WEIGHT_ADDRESS_WIDTH-1:0] weight_address,
    output reg  [   MAP_ADDRESS_WIDTH-1:0] map_address,
    // the tile whose last step was the most recent one: addresses of its first output channel
    output reg  [   MAP_ADDRESS_WIDTH-1:0] tile_map,
    output reg  [   MAP_ADDRESS_WIDTH-1:0] tile_old,
    output reg  [ TABLE_ADDRESS_WIDTH-1:0] tile_table,
    output reg  [  BIAS_ADDRESS_WIDTH-1:0] tile_bias,    // of the row's class
    output reg  [         COUNT_WIDTH-1:0] tile_channel,
    output reg                             tile_first,   // of its group
    output reg                             tile_last,    // of its group
    output reg                             tile_left,    // the row's first word
    output reg                             tile_right    // the row's last word
);
  localparam OC_BITS = $clog2(OC_LANES);
  localparam BIASES = 9 * OC_LANES;  // of a group
  // A tile's last step is the third of its kernel row, which does not pause;
  // of the only kernel row of a pointwise convolution it is the first.
  localparam PAUSE = WRITE_BACK - 3, DEPTHWISE_PAUSE = DEPTHWISE_WRITE_BACK - 3, POINTWISE_PAUSE = WRITE_BACK - 1;
  localparam WAIT_WIDTH = $clog2(POINTWISE_PAUSE + 1);

  reg [COUNT_WIDTH-1:0] channels_left, groups_left;
  reg [MAP_ADDRESS_WIDTH-1:0] rows_left, words_left;
  reg [1:0] kernel_row;
  reg first_row, last_row, first_word, last_word, last_channel, last_group, tile_start;
  reg [WAIT_WIDTH-1:0] wait_left;
  reg must_wait;

  // Addresses of the first map word of the channel, of the tile, of its row's first tile, of the group's first tile
  reg [MAP_ADDRESS_WIDTH-1:0] channel_address, tile_address, line_address, group_address;
  // of the tile's output and old values, of its row's first old values, of the group's first ones
  reg [MAP_ADDRESS_WIDTH-1:0] out_address, group_out, old_address, old_line, group_old;
  reg [WEIGHT_ADDRESS_WIDTH-1:0] group_weight;
  reg [TABLE_ADDRESS_WIDTH-1:0] group_table;
  reg [BIAS_ADDRESS_WIDTH-1:0] group_bias;
  reg [COUNT_WIDTH-1:0] group_channel;

  wire [MAP_ADDRESS_WIDTH-1:0] in_row_words = stride2 ? row_words << 1 : row_words;
  wire [MAP_ADDRESS_WIDTH-1:0] in_plane = stride2 ? plane << 2 : plane;
  wire [MAP_ADDRESS_WIDTH-1:0] old_row_words = old_stride2 ? row_words << 2 : row_words;
  wire [MAP_ADDRESS_WIDTH-1:0] old_plane = old_stride2 ? plane << 2 : plane;

  // Kernel rows outside the image are left out: row 0 of the first row; row 2 of the last row, unless stride 2 leaves an
  // input row below it.
  wire top_outside = first_row && !pointwise;
  wire bottom_outside = last_row && !stride2 && !pointwise;
  wire column_end = column == 2 || pointwise;
  wire last_kernel_row = kernel_row == (bottom_outside ? 2'd1 : 2'd2) || pointwise;
  wire channel_end = column_end && last_kernel_row;
  wire tile_end = channel_end && last_channel;
  wire row_end = last_word;
  wire group_end = last_word && last_row;

  // Output row r reads input rows stride * r + (-1, 0, 1) from the word before; row 0 begins at kernel row 1. Pointwise: row r.
  wire [MAP_ADDRESS_WIDTH-1:0] start_address = source_base - {{(MAP_ADDRESS_WIDTH - 1) {1'b0}}, !pointwise};
  wire [MAP_ADDRESS_WIDTH-1:0] to_next_line = stride2 ? (top_outside ? in_row_words : in_row_words << 1) :
      (top_outside ? {MAP_ADDRESS_WIDTH{1'b0}} : in_row_words);
  wire [MAP_ADDRESS_WIDTH-1:0] next_line = line_address + to_next_line;
  wire [MAP_ADDRESS_WIDTH-1:0] next_group_address = depthwise ? group_address + in_plane : group_address;
  wire [MAP_ADDRESS_WIDTH-1:0] next_tile = group_end ? next_group_address : row_end ? next_line :
      tile_address + (stride2 ? 2 : 1);
  wire [MAP_ADDRESS_WIDTH-1:0] next_channel = channel_address + in_plane;
  wire [MAP_ADDRESS_WIDTH-1:0] next_group_out = group_out + (depthwise ? plane : plane << OC_BITS);
  wire [MAP_ADDRESS_WIDTH-1:0] next_old_line = old_line + old_row_words;
  wire [MAP_ADDRESS_WIDTH-1:0] next_group_old = group_old + (depthwise ? old_plane : old_plane << OC_BITS);
  wire [WEIGHT_ADDRESS_WIDTH-1:0] next_group_weight = weight_address + (bottom_outside ? 4 : 1);

  assign step = running && !(must_wait && column == 0 && last_kernel_row && last_channel);
  assign first = tile_start;
  assign last = step && tile_end;
  assign outside = !pointwise && (column == 0 ? first_word : column == 2 && last_word && !stride2);

  // Control
  always @(posedge clk)
    if (rst) begin
      running <= 1'b0;
      must_wait <= 1'b0;
      wait_left <= 0;
    end else begin
      if (start) running <= 1'b1;
      else if (last && group_end && last_group) running <= 1'b0;

      if (last) begin
        must_wait <= 1'b1;
        wait_left <= pointwise ? POINTWISE_PAUSE[WAIT_WIDTH-1:0] :
            depthwise ? DEPTHWISE_PAUSE[WAIT_WIDTH-1:0] : PAUSE[WAIT_WIDTH-1:0];
      end else if (must_wait) begin
        wait_left <= wait_left - 1'b1;
        must_wait <= wait_left != 1;
      end
    end

  // Position inside a tile
  always @(posedge clk)
    if (start) begin
      column <= 2'd0;
      kernel_row <= 2'd1;
      channels_left <= in_channels;
      last_channel <= in_channels == 1;
      tile_start <= 1'b1;
      map_address <= start_address;
      channel_address <= start_address;
      weight_address <= weight_base + (pointwise ? 0 : 3);
      group_weight <= weight_base;
    end else if (step) begin
      column <= column_end ? 2'd0 : column + 1'b1;
      tile_start <= tile_end;
      map_address <= map_address + 1'b1;
      weight_address <= weight_address + 1'b1;

      if (column_end) begin
        kernel_row  <= kernel_row + 1'b1;
        map_address <= map_address + in_row_words - 2;
      end
      if (channel_end) begin
        kernel_row <= top_outside ? 2'd1 : 2'd0;
        channels_left <= channels_left - 1'b1;
        last_channel <= channels_left == 2;
        channel_address <= next_channel;
        map_address <= next_channel;
        weight_address <= weight_address + (top_outside && bottom_outside ? 7 : top_outside || bottom_outside ? 4 : 1);
      end
      if (tile_end) begin
        kernel_row <= group_end || (first_row && !row_end) ? 2'd1 : 2'd0;
        channels_left <= in_channels;
        last_channel <= in_channels == 1;
        channel_address <= next_tile;
        map_address <= next_tile;
        if (group_end) begin
          weight_address <= next_group_weight + (pointwise ? 0 : 3);
          group_weight   <= next_group_weight;
        end else weight_address <= group_weight + (top_outside && !row_end ? 3 : 0);
      end
    end

  // The tile
  always @(posedge clk)
    if (start || (last && group_end)) begin
      first_row <= 1'b1;
      last_row <= rows == 1;
      rows_left <= rows;
      line_address <= start ? start_address : next_group_address;
    end else if (last && row_end) begin
      first_row <= 1'b0;
      last_row <= rows_left == 2;
      rows_left <= rows_left - 1'b1;
      line_address <= next_line;
    end
  always @(posedge clk)
    if (start || (last && row_end)) begin
      first_word <= 1'b1;
      last_word  <= row_words == 1;
      words_left <= row_words;
    end else if (last) begin
      first_word <= 1'b0;
      last_word  <= words_left == 2;
      words_left <= words_left - 1'b1;
    end
  always @(posedge clk)
    if (start) begin
      groups_left <= groups;
      last_group <= groups == 1;
      tile_address <= start_address;
      group_address <= start_address;
      out_address <= destination_base;
      group_out <= destination_base;
      old_address <= old_base;
      old_line <= old_base;
      group_old <= old_base;
      group_table <= table_base;
      group_bias <= bias_base;
      group_channel <= 0;
    end else if (last) begin
      tile_address <= next_tile;
      out_address  <= out_address + 1'b1;
      old_address  <= old_address + (old_stride2 ? 2 : 1);
      if (row_end) begin
        old_address <= next_old_line;
        old_line <= next_old_line;
      end
      if (group_end) begin
        groups_left <= groups_left - 1'b1;
        group_address <= next_group_address;
        last_group <= groups_left == 2;
        out_address <= next_group_out;
        group_out <= next_group_out;
        old_address <= next_group_old;
        old_line <= next_group_old;
        group_old <= next_group_old;
        group_table <= group_table + (depthwise ? 1 : OC_LANES[TABLE_ADDRESS_WIDTH-1:0]);
        group_bias <= group_bias + (depthwise ? 9 : BIASES[BIAS_ADDRESS_WIDTH-1:0]);
        group_channel <= group_channel + (depthwise ? 1 : OC_LANES[COUNT_WIDTH-1:0]);
      end
    end

  always @(posedge clk)
    if (last) begin
      tile_map <= out_address;
      tile_old <= old_address;
      tile_table <= group_table;
      tile_bias <= group_bias + (first_row ? 0 : last_row ? 6 : 3);
      tile_channel <= group_channel;
      tile_first <= first_row && first_word;
      tile_last <= group_end;
      tile_left <= first_word;
      tile_right <= last_word;
    end
endmodule

`default_nettype wire
