// Walks a 3x3 convolution with padding 1 over a map of 8-pixel rows, one kernel tap a cycle:
//   for each output-channel group, output row: (a tile: OC_LANES x PX_LANES outputs)
//     for each input channel, kernel row inside the image, kernel column
// and gives the addresses of the weight and the map word of each step. The last step of a tile waits until WRITE_BACK
// cycles after the last step of the tile before, so that captured sums are never overwritten before they were read.
//
// Maps are [channel][row] words; weights [group][input channel][kernel row][kernel column]; tables [channel].
`default_nettype none

module walker #(
    parameter OC_LANES = 2,
    parameter WRITE_BACK = 16,
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
    input  wire [         COUNT_WIDTH-1:0] in_channels,
    input  wire [         COUNT_WIDTH-1:0] groups,
    input  wire [   MAP_ADDRESS_WIDTH-1:0] height,  // at least 2
    input  wire [WEIGHT_ADDRESS_WIDTH-1:0] weight_base,
    input  wire [ TABLE_ADDRESS_WIDTH-1:0] table_base,
    input  wire [  BIAS_ADDRESS_WIDTH-1:0] bias_base,
    output reg                             running,
    // this cycle's step
    output wire                            step,
    output wire                            load,   // of a new map word
    output wire                            first,  // of the tile
    output wire                            last,   // of the tile
    output reg  [WEIGHT_ADDRESS_WIDTH-1:0] weight_address,
    output reg  [   MAP_ADDRESS_WIDTH-1:0] map_address,
    // the tile whose last step was the most recent one: addresses of its first output channel
    output reg  [   MAP_ADDRESS_WIDTH-1:0] tile_map,
    output reg  [ TABLE_ADDRESS_WIDTH-1:0] tile_table,
    output reg  [  BIAS_ADDRESS_WIDTH-1:0] tile_bias  // of the row's class
);
  localparam WAIT_WIDTH = $clog2(WRITE_BACK);
  localparam FULL_WAIT = WRITE_BACK - 1;

  reg [COUNT_WIDTH-1:0] channels_left, groups_left;
  reg [MAP_ADDRESS_WIDTH-1:0] rows_left, row;
  reg [1:0] kernel_row, kernel_column;
  reg first_row, last_row, last_channel, last_group, tile_start;
  reg [MAP_ADDRESS_WIDTH-1:0] channel_stride;  // from a channel's last kernel row to the next one's first
  reg [WAIT_WIDTH-1:0] wait_left;
  reg must_wait;

  reg [WEIGHT_ADDRESS_WIDTH-1:0] group_weight;
  reg [MAP_ADDRESS_WIDTH-1:0] group_map;
  reg [TABLE_ADDRESS_WIDTH-1:0] group_table;
  reg [BIAS_ADDRESS_WIDTH-1:0] group_bias;

  wire row_end = kernel_column == 2;
  wire channel_end = row_end && kernel_row == (last_row ? 2'd1 : 2'd2);
  wire tile_end = channel_end && last_channel;
  // Steps over kernel rows outside the image: the first row has no kernel row 0, the last row no kernel row 2.
  wire [WEIGHT_ADDRESS_WIDTH-1:0] skip = first_row || last_row ? 4 : 1;

  assign step  = running && !(tile_end && must_wait);
  assign load  = kernel_column == 0;
  assign first = tile_start;
  assign last  = step && tile_end;

  // Control
  always @(posedge clk)
    if (rst) begin
      running <= 1'b0;
      must_wait <= 1'b0;
      wait_left <= 0;
    end else begin
      if (start) running <= 1'b1;
      else if (last && last_row && last_group) running <= 1'b0;

      if (last) begin
        must_wait <= 1'b1;
        wait_left <= FULL_WAIT[WAIT_WIDTH-1:0];
      end else if (must_wait) begin
        wait_left <= wait_left - 1'b1;
        must_wait <= wait_left != 1;
      end
    end

  // Position
  always @(posedge clk)
    if (start) begin
      channels_left <= in_channels;
      groups_left <= groups;
      rows_left <= height;
      row <= 0;
      first_row <= 1'b1;
      last_row <= 1'b0;
      last_channel <= in_channels == 1;
      last_group <= groups == 1;
      tile_start <= 1'b1;
      kernel_row <= 2'd1;
      kernel_column <= 2'd0;
      map_address <= 0;
      weight_address <= weight_base + 3;
      group_weight <= weight_base;
      group_map <= 0;
      group_table <= table_base;
      group_bias <= bias_base;
    end else if (step) begin
      tile_start <= tile_end;
      kernel_column <= row_end ? 2'd0 : kernel_column + 1'b1;
      if (row_end) begin
        kernel_row  <= kernel_row + 1'b1;
        map_address <= map_address + 1'b1;
      end
      weight_address <= weight_address + 1'b1;

      if (channel_end) begin
        channels_left <= channels_left - 1'b1;
        last_channel <= channels_left == 2;
        kernel_row <= first_row ? 2'd1 : 2'd0;
        map_address <= map_address + channel_stride;
        weight_address <= weight_address + skip;
      end

      if (tile_end) begin
        channels_left <= in_channels;
        last_channel <= in_channels == 1;
        first_row <= last_row;
        last_row <= !last_row && rows_left == 2;
        kernel_row <= last_row ? 2'd1 : 2'd0;
        if (last_row) begin
          groups_left <= groups_left - 1'b1;
          last_group <= groups_left == 2;
          rows_left <= height;
          row <= 0;
          map_address <= 0;
          weight_address <= weight_address + 7;
          group_weight <= weight_address + 4;
          group_map <= group_map + (height << $clog2(OC_LANES));
          group_table <= group_table + OC_LANES;
          group_bias <= group_bias + 9 * OC_LANES;
        end else begin
          rows_left <= rows_left - 1'b1;
          row <= row + 1'b1;
          map_address <= row;
          weight_address <= group_weight;
        end
      end
    end

  // A channel has at least two kernel rows, so channel_stride has settled when it is used.
  always @(posedge clk) if (running) channel_stride <= height - (first_row || last_row ? 1 : 2);

  always @(posedge clk)
    if (last) begin
      tile_map   <= group_map + row;
      tile_table <= group_table;
      tile_bias  <= group_bias + (first_row ? 0 : last_row ? 6 : 3);
    end
endmodule

`default_nettype wire
