// The programmable ODE engine: two feature maps, OC_LANES x PX_LANES multiply-accumulate lanes, one write-back pipeline, and a
// sequencer that runs the program in program.hex once per image. The host streams in z(0) and receives z(T), one 32-bit
// activation a beat in [C, H, W] order, images back to back. Parameters, ROM files and their layouts: hw/README.md.
`default_nettype none
`include "engine_config.vh"

module engine #(
    parameter OC_LANES = `ENGINE_OC_LANES,
    parameter PX_LANES = `ENGINE_PX_LANES,
    parameter WEIGHT_FRACTION = `ENGINE_WEIGHT_FRACTION,
    parameter SCALE_FRACTION = `ENGINE_SCALE_FRACTION,
    parameter PROGRAM_WORDS = `ENGINE_PROGRAM_WORDS,
    parameter MAP_WORDS = `ENGINE_MAP_WORDS,  // of each map, PX_LANES pixels a word
    parameter WEIGHT_WORDS = `ENGINE_WEIGHT_WORDS,  // of each lane
    parameter TABLE_WORDS = `ENGINE_TABLE_WORDS  // scales, as many shifts, nine times as many biases
) (
    input  wire        clk,
    input  wire        rst,
    // stream in
    input  wire        s_axis_tvalid,
    output wire        s_axis_tready,
    input  wire [31:0] s_axis_tdata,
    // stream out
    output wire        m_axis_tvalid,
    input  wire        m_axis_tready,
    output wire [31:0] m_axis_tdata,
    // status: busy from an image's first beat in to its last beat out
    output reg         busy,
    output wire        fault,  // illegal instruction; stays until reset
    // the last finished image
    output wire        done,   // one cycle, when the following change
    output wire [31:0] load_cycles,
    output wire [31:0] compute_cycles,
    output wire [31:0] store_cycles,
    output wire [31:0] saturations
);
  `include "require.vh"
  `REQUIRE(PX_LANES == 8, "engine: PX_LANES must be 8")
  `REQUIRE(OC_LANES == 1 || OC_LANES == 2 || OC_LANES == 4 || OC_LANES == 8, "engine: OC_LANES must be 1, 2, 4 or 8")
  `REQUIRE(MAP_WORDS >= 2 && TABLE_WORDS >= 1 && WEIGHT_WORDS >= 9, "engine: memories must not be empty")

  localparam LANE_WIDTH = OC_LANES > 1 ? $clog2(OC_LANES) : 1;
  localparam PIXEL_WIDTH = $clog2(PX_LANES);
  localparam MAP_ADDRESS_WIDTH = $clog2(MAP_WORDS);
  localparam WEIGHT_ADDRESS_WIDTH = $clog2(WEIGHT_WORDS);
  localparam TABLE_ADDRESS_WIDTH = TABLE_WORDS > 1 ? $clog2(TABLE_WORDS) : 1;
  localparam BIAS_WORDS = 9 * TABLE_WORDS;
  localparam BIAS_ADDRESS_WIDTH = $clog2(BIAS_WORDS);
  localparam COUNT_WIDTH = 16;
  localparam WORD_WIDTH = PX_LANES * 32;

  // Program
  wire source, destination, relu, add;
  wire [COUNT_WIDTH-1:0] in_channels, count;
  wire [MAP_ADDRESS_WIDTH-1:0] height;
  wire [WEIGHT_ADDRESS_WIDTH-1:0] weight_base;
  wire [TABLE_ADDRESS_WIDTH-1:0] table_base;
  wire [BIAS_ADDRESS_WIDTH-1:0] bias_base;
  wire load_start, convolve_start, store_start, loading, computing, storing, program_end;
  wire load_running, store_running, convolve_running;

  sequencer #(
      .PROGRAM_WORDS(PROGRAM_WORDS),
      .PROGRAM_FILE({`ENGINE_ROM_PREFIX, "program.hex"}),
      .COUNT_WIDTH(COUNT_WIDTH),
      .MAP_ADDRESS_WIDTH(MAP_ADDRESS_WIDTH),
      .WEIGHT_ADDRESS_WIDTH(WEIGHT_ADDRESS_WIDTH),
      .TABLE_ADDRESS_WIDTH(TABLE_ADDRESS_WIDTH),
      .BIAS_ADDRESS_WIDTH(BIAS_ADDRESS_WIDTH)
  ) program_sequencer (
      .clk(clk),
      .rst(rst),
      .source(source),
      .destination(destination),
      .relu(relu),
      .add(add),
      .in_channels(in_channels),
      .count(count),
      .height(height),
      .weight_base(weight_base),
      .table_base(table_base),
      .bias_base(bias_base),
      .load_start(load_start),
      .convolve_start(convolve_start),
      .store_start(store_start),
      .running(load_running || store_running || convolve_running),
      .loading(loading),
      .computing(computing),
      .storing(storing),
      .done(program_end),
      .fault(fault)
  );

  // Feature maps: 0 is z, 1 the hidden map
  wire load_write, write_back_write, write_back_busy, step_load;
  wire [MAP_ADDRESS_WIDTH-1:0] load_address, store_address, step_map_address, old_address, word_address;
  wire [WORD_WIDTH-1:0] load_word, out_word, map_word_0, map_word_1;
  wire [WORD_WIDTH-1:0] source_word = source ? map_word_1 : map_word_0;

  wire map_write = load_write || write_back_write;
  wire [MAP_ADDRESS_WIDTH-1:0] map_write_address = load_write ? load_address : word_address;
  wire [WORD_WIDTH-1:0] map_write_word = load_write ? load_word : out_word;
  // The source map is read by the convolution or the storer, the other one by the write-back.
  wire source_read = store_running || step_load;
  wire [MAP_ADDRESS_WIDTH-1:0] source_address = store_running ? store_address : step_map_address;

  ram #(
      .WIDTH(WORD_WIDTH),
      .DEPTH(MAP_WORDS),
      .ADDRESS_WIDTH(MAP_ADDRESS_WIDTH)
  ) map_0 (
      .clk(clk),
      .write_enable(map_write && !destination),
      .write_address(map_write_address),
      .write_data(map_write_word),
      .read_enable(source ? write_back_busy : source_read),
      .read_address(source ? old_address : source_address),
      .read_data(map_word_0)
  );
  ram #(
      .WIDTH(WORD_WIDTH),
      .DEPTH(MAP_WORDS),
      .ADDRESS_WIDTH(MAP_ADDRESS_WIDTH)
  ) map_1 (
      .clk(clk),
      .write_enable(map_write && destination),
      .write_address(map_write_address),
      .write_data(map_write_word),
      .read_enable(source ? source_read : write_back_busy),
      .read_address(source ? source_address : old_address),
      .read_data(map_word_1)
  );

  loader #(
      .PX_LANES(PX_LANES),
      .PIXEL_WIDTH(PIXEL_WIDTH),
      .COUNT_WIDTH(COUNT_WIDTH),
      .MAP_ADDRESS_WIDTH(MAP_ADDRESS_WIDTH)
  ) map_loader (
      .clk(clk),
      .rst(rst),
      .start(load_start),
      .words(count),
      .running(load_running),
      .s_axis_tvalid(s_axis_tvalid),
      .s_axis_tready(s_axis_tready),
      .s_axis_tdata(s_axis_tdata),
      .write_enable(load_write),
      .write_address(load_address),
      .write_data(load_word)
  );
  storer #(
      .PX_LANES(PX_LANES),
      .PIXEL_WIDTH(PIXEL_WIDTH),
      .COUNT_WIDTH(COUNT_WIDTH),
      .MAP_ADDRESS_WIDTH(MAP_ADDRESS_WIDTH)
  ) map_storer (
      .clk(clk),
      .rst(rst),
      .start(store_start),
      .words(count),
      .running(store_running),
      .read_address(store_address),
      .read_data(source_word),
      .m_axis_tvalid(m_axis_tvalid),
      .m_axis_tready(m_axis_tready),
      .m_axis_tdata(m_axis_tdata)
  );

  // Convolution. A step is issued by the walker at stage 0; memories answer at 1, operands stand in registers at 2, in those
  // of the DSPs at 3, the product at 4, the sum at 5, the tile's finished sums at 6.
  wire walking, step, step_first, step_last;
  wire [WEIGHT_ADDRESS_WIDTH-1:0] weight_address;
  wire [MAP_ADDRESS_WIDTH-1:0] tile_map;
  wire [TABLE_ADDRESS_WIDTH-1:0] tile_table;
  wire [BIAS_ADDRESS_WIDTH-1:0] tile_bias;
  wire [OC_LANES*25-1:0] weights;
  wire [WORD_WIDTH-1:0] pixels;
  reg load_1, accumulate_4, restart_4;
  reg [3:1] step_at, first_at;
  reg [5:1] last_at;

  always @(posedge clk)
    if (rst) begin
      step_at <= 0;
      last_at <= 0;
    end else begin
      step_at <= {step_at[2:1], step};
      last_at <= {last_at[4:1], step_last};
    end
  // A tile's last sum is handed over in the cycle in which the next tile's first product arrives, or would arrive.
  always @(posedge clk) begin
    load_1 <= step_load;
    first_at <= {first_at[2:1], step && step_first};
    restart_4 <= first_at[3] || last_at[4];
    accumulate_4 <= step_at[3] || last_at[4];
  end
  assign convolve_running = walking || last_at != 0 || write_back_busy;

  walker #(
      .OC_LANES(OC_LANES),
      .WRITE_BACK(OC_LANES * PX_LANES),
      .COUNT_WIDTH(COUNT_WIDTH),
      .WEIGHT_ADDRESS_WIDTH(WEIGHT_ADDRESS_WIDTH),
      .MAP_ADDRESS_WIDTH(MAP_ADDRESS_WIDTH),
      .TABLE_ADDRESS_WIDTH(TABLE_ADDRESS_WIDTH),
      .BIAS_ADDRESS_WIDTH(BIAS_ADDRESS_WIDTH)
  ) tap_walker (
      .clk(clk),
      .rst(rst),
      .start(convolve_start),
      .in_channels(in_channels),
      .groups(count),
      .height(height),
      .weight_base(weight_base),
      .table_base(table_base),
      .bias_base(bias_base),
      .running(walking),
      .step(step),
      .load(step_load),
      .first(step_first),
      .last(step_last),
      .weight_address(weight_address),
      .map_address(step_map_address),
      .tile_map(tile_map),
      .tile_table(tile_table),
      .tile_bias(tile_bias)
  );

  genvar lane;
  generate
    for (lane = 0; lane < OC_LANES; lane = lane + 1) begin : weight_lane
      localparam [7:0] DIGIT = "0" + lane;
      rom #(
          .WIDTH(25),
          .DEPTH(WEIGHT_WORDS),
          .ADDRESS_WIDTH(WEIGHT_ADDRESS_WIDTH),
          .INIT_FILE({`ENGINE_ROM_PREFIX, "weights_", DIGIT, ".hex"})
      ) weight_rom (
          .clk(clk),
          .enable(1'b1),
          .address(weight_address),
          .data(weights[25*lane+:25])
      );
    end
  endgenerate

  window #(
      .PX_LANES(PX_LANES),
      .WIDTH(32)
  ) kernel_window (
      .clk(clk),
      .step(step_at[1]),
      .load(load_1),
      .word(source_word),
      .pixels(pixels)
  );

  wire [LANE_WIDTH-1:0] sum_lane;
  wire [PIXEL_WIDTH-1:0] sum_pixel;
  wire signed [47:0] sum_low, sum_high;

  mac_array #(
      .OC_LANES(OC_LANES),
      .PX_LANES(PX_LANES),
      .LANE_WIDTH(LANE_WIDTH),
      .PIXEL_WIDTH(PIXEL_WIDTH)
  ) macs (
      .clk(clk),
      .weights(weights),
      .activations(pixels),
      .accumulate(accumulate_4),
      .restart(restart_4),
      .read_enable(write_back_busy),
      .read_lane(sum_lane),
      .read_pixel(sum_pixel),
      .read_low(sum_low),
      .read_high(sum_high)
  );

  // Write-back
  wire [BIAS_ADDRESS_WIDTH-1:0] bias_address;
  wire [TABLE_ADDRESS_WIDTH-1:0] scale_address, shift_address;
  wire signed [31:0] bias, scale, shift;
  wire [1:0] clips;

  write_back #(
      .OC_LANES(OC_LANES),
      .PX_LANES(PX_LANES),
      .LANE_WIDTH(LANE_WIDTH),
      .PIXEL_WIDTH(PIXEL_WIDTH),
      .WEIGHT_FRACTION(WEIGHT_FRACTION),
      .SCALE_FRACTION(SCALE_FRACTION),
      .MAP_ADDRESS_WIDTH(MAP_ADDRESS_WIDTH),
      .TABLE_ADDRESS_WIDTH(TABLE_ADDRESS_WIDTH),
      .BIAS_ADDRESS_WIDTH(BIAS_ADDRESS_WIDTH)
  ) writer (
      .clk(clk),
      .rst(rst),
      .start(last_at[5]),
      .tile_map(tile_map),
      .tile_table(tile_table),
      .tile_bias(tile_bias),
      .height(height),
      .relu(relu),
      .add(add),
      .busy(write_back_busy),
      .sum_lane(sum_lane),
      .sum_pixel(sum_pixel),
      .sum_low(sum_low),
      .sum_high(sum_high),
      .bias_address(bias_address),
      .bias(bias),
      .scale_address(scale_address),
      .scale(scale),
      .shift_address(shift_address),
      .shift(shift),
      .old_address(old_address),
      .old_word(destination ? map_word_1 : map_word_0),
      .word_valid(write_back_write),
      .word_address(word_address),
      .word(out_word),
      .clips(clips)
  );
  rom #(
      .WIDTH(32),
      .DEPTH(BIAS_WORDS),
      .ADDRESS_WIDTH(BIAS_ADDRESS_WIDTH),
      .INIT_FILE({`ENGINE_ROM_PREFIX, "time_bias.hex"})
  ) bias_rom (
      .clk(clk),
      .enable(write_back_busy),
      .address(bias_address),
      .data(bias)
  );
  rom #(
      .WIDTH(32),
      .DEPTH(TABLE_WORDS),
      .ADDRESS_WIDTH(TABLE_ADDRESS_WIDTH),
      .INIT_FILE({`ENGINE_ROM_PREFIX, "scale.hex"})
  ) scale_rom (
      .clk(clk),
      .enable(write_back_busy),
      .address(scale_address),
      .data(scale)
  );
  rom #(
      .WIDTH(32),
      .DEPTH(TABLE_WORDS),
      .ADDRESS_WIDTH(TABLE_ADDRESS_WIDTH),
      .INIT_FILE({`ENGINE_ROM_PREFIX, "shift.hex"})
  ) shift_rom (
      .clk(clk),
      .enable(write_back_busy),
      .address(shift_address),
      .data(shift)
  );

  // Status
  wire beat_in = s_axis_tvalid && s_axis_tready;
  always @(posedge clk)
    if (rst || program_end) busy <= 1'b0;
    else if (beat_in) busy <= 1'b1;

  counters image_counters (
      .clk(clk),
      .rst(rst),
      .loading(loading && (busy || beat_in)),
      .computing(computing),
      .storing(storing),
      .clips(clips),
      .done(program_end),
      .load_cycles(load_cycles),
      .compute_cycles(compute_cycles),
      .store_cycles(store_cycles),
      .saturations(saturations),
      .valid(done)
  );
endmodule

`default_nettype wire
