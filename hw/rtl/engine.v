// The programmable ODE engine: two feature maps, OC_LANES x PX_LANES multiply-accumulate lanes, one write-back pipeline, and a
// sequencer that runs the program in program.hex once per image. The host streams in z(0) and receives z(T), one activation,
// sign-extended to 32 bits, a beat in [C, H, W] order, images back to back. Parameters, ROM files and their layouts: hw/README.md.
`default_nettype none
`include "engine_config.vh"

module engine #(
    parameter OC_LANES = `ENGINE_OC_LANES,
    parameter PX_LANES = `ENGINE_PX_LANES,
    parameter ACTIVATION_WIDTH = `ENGINE_ACTIVATION_WIDTH,
    parameter ACTIVATION_FRACTION = `ENGINE_ACTIVATION_FRACTION,
    parameter WEIGHT_WIDTH = `ENGINE_WEIGHT_WIDTH,
    parameter WEIGHT_FRACTION = `ENGINE_WEIGHT_FRACTION,
    parameter SUM_FRACTION = `ENGINE_SUM_FRACTION,  // of convolutions, time biases and shifts, which have 32 bits
    parameter SCALE_FRACTION = `ENGINE_SCALE_FRACTION,
    parameter MAC_DSPS = `ENGINE_MAC_DSPS,  // of a multiply-accumulate lane: 1 or 2, see mac_lane
    parameter PROGRAM_WORDS = `ENGINE_PROGRAM_WORDS,
    parameter MAP_0_WORDS = `ENGINE_MAP_0_WORDS,  // PX_LANES pixels each
    parameter MAP_1_WORDS = `ENGINE_MAP_1_WORDS,
    parameter WEIGHT_WORDS = `ENGINE_WEIGHT_WORDS,  // of each lane
    parameter TABLE_WORDS = `ENGINE_TABLE_WORDS,  // scales, as many shifts, nine times as many biases
    parameter ONLINE_CHANNELS = `ENGINE_ONLINE_CHANNELS,  // most channels of an online norm; 0: the engine has none
    parameter SINGLE = `ENGINE_SINGLE,  // whether there are instructions with `single`
    parameter POOL_BITS = `ENGINE_POOL_BITS,  // of them: log2 of the pixels of a channel that become one
    parameter [45:0] EPSILON = `ENGINE_EPSILON,  // of an online norm's variance, in units of squared activations
    parameter WRITABLE = 0  // weights and tables can be replaced while no image is in the engine
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
    // write port of weights and tables, unused unless WRITABLE: the weights of lane `select`, or one of MEMORY_...
    /* verilator lint_off UNUSEDSIGNAL */
    input  wire        memory_write,
    input  wire [ 7:0] memory_select,
    input  wire [23:0] memory_address,
    input  wire [31:0] memory_data,
    /* verilator lint_on UNUSEDSIGNAL */
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
  `REQUIRE(PX_LANES == 1 || PX_LANES == 2 || PX_LANES == 4 || PX_LANES == 8, "engine: PX_LANES must be 1, 2, 4 or 8")
  `REQUIRE(OC_LANES >= 1 && OC_LANES <= 64 && (OC_LANES & (OC_LANES - 1)) == 0,
           "engine: OC_LANES must be a power of two up to 64")
  `REQUIRE(MAP_0_WORDS >= 4 && MAP_1_WORDS >= 4 && MAP_0_WORDS <= 65536 && MAP_1_WORDS <= 65536,
           "engine: a map must have 4 to 65536 words")
  `REQUIRE(ONLINE_CHANNELS <= TABLE_WORDS, "engine: every channel of an online norm has table words")
  `REQUIRE(ACTIVATION_WIDTH >= 8 && ACTIVATION_WIDTH <= 32 && ACTIVATION_FRACTION < ACTIVATION_WIDTH,
           "engine: an activation must have 8 to 32 bits, and less of them behind the point")
  `REQUIRE(WEIGHT_WIDTH >= 8 && WEIGHT_WIDTH <= 25, "engine: a weight must have 8 to 25 bits")
  `REQUIRE(ONLINE_CHANNELS == 0 || (ACTIVATION_WIDTH == 32 && SUM_FRACTION == ACTIVATION_FRACTION),
           "engine: online norms need activations in the format of sums")
  `REQUIRE(ONLINE_CHANNELS == 0 || WEIGHT_FRACTION >= 1, "engine: online norms need a fraction of weights")
  `REQUIRE(SINGLE == 0 || PX_LANES * ACTIVATION_WIDTH >= 32, "engine: a single value is a map word of at least 32 bits")
  `REQUIRE(TABLE_WORDS >= 1 && WEIGHT_WORDS >= 9, "engine: memories must not be empty")

  localparam LANE_WIDTH = OC_LANES > 1 ? $clog2(OC_LANES) : 1;
  localparam PIXEL_WIDTH = PX_LANES > 1 ? $clog2(PX_LANES) : 1;
  // The walker needs a tile's addresses until its last sum is finished.
  localparam WRITE_BACK = OC_LANES * PX_LANES > 8 ? OC_LANES * PX_LANES : 8;
  localparam MAP_0_WIDTH = $clog2(MAP_0_WORDS);
  localparam MAP_1_WIDTH = $clog2(MAP_1_WORDS);
  localparam MAP_ADDRESS_WIDTH = MAP_0_WIDTH > MAP_1_WIDTH ? MAP_0_WIDTH : MAP_1_WIDTH;
  localparam WEIGHT_ADDRESS_WIDTH = $clog2(WEIGHT_WORDS);
  localparam TABLE_ADDRESS_WIDTH = TABLE_WORDS > 1 ? $clog2(TABLE_WORDS) : 1;
  localparam BIAS_WORDS = 9 * TABLE_WORDS;
  localparam BIAS_ADDRESS_WIDTH = $clog2(BIAS_WORDS);
  localparam CHANNEL_WIDTH = ONLINE_CHANNELS > 1 ? $clog2(ONLINE_CHANNELS) : 1;
  localparam COUNT_WIDTH = 16;
  localparam WORD_WIDTH = PX_LANES * ACTIVATION_WIDTH;
  localparam [7:0] MEMORY_TIME_BIAS = 128, MEMORY_SCALE = 129, MEMORY_SHIFT = 130;

  // Program
  wire source, relu, add, pointwise, depthwise, stride2, old_stride2, combine, online_field, single_field;
  wire online = online_field && ONLINE_CHANNELS != 0;
  wire single = single_field && SINGLE != 0;
  wire [1:0] destination;
  wire [COUNT_WIDTH-1:0] in_channels, count, old_channels;
  wire [MAP_ADDRESS_WIDTH-1:0] rows, row_words, plane, source_base, destination_base, old_base;
  wire [WEIGHT_ADDRESS_WIDTH-1:0] weight_base;
  wire [TABLE_ADDRESS_WIDTH-1:0] table_base;
  wire [BIAS_ADDRESS_WIDTH-1:0] bias_base;
  wire load_start, convolve_start, combine_start, store_start, loading, computing, storing, program_end;
  wire load_running, store_running, compute_running;

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
      .pointwise(pointwise),
      .depthwise(depthwise),
      .stride2(stride2),
      .old_stride2(old_stride2),
      .combine(combine),
      .online(online_field),
      .single(single_field),
      .in_channels(in_channels),
      .count(count),
      .old_channels(old_channels),
      .rows(rows),
      .row_words(row_words),
      .plane(plane),
      .source_base(source_base),
      .destination_base(destination_base),
      .old_base(old_base),
      .weight_base(weight_base),
      .table_base(table_base),
      .bias_base(bias_base),
      .load_start(load_start),
      .convolve_start(convolve_start),
      .combine_start(combine_start),
      .store_start(store_start),
      .running(load_running || store_running || compute_running),
      .loading(loading),
      .computing(computing),
      .storing(storing),
      .done(program_end),
      .fault(fault)
  );

  // Feature maps. One is read as the source, by the convolution, the write-back (combine) or the storer; the other one for old
  // values; either or both are written.
  wire load_write, write_back_write, write_back_busy, store_read, step, step_outside;
  wire [MAP_ADDRESS_WIDTH-1:0] load_address, store_address, step_address, combine_address, old_address, word_address;
  wire [WORD_WIDTH-1:0] load_word, out_word, map_word_0, map_word_1;
  wire [WORD_WIDTH-1:0] source_word = source ? map_word_1 : map_word_0;

  wire map_write = load_write || write_back_write;
  /* verilator lint_off UNUSEDSIGNAL */  // the upper address bits, for the smaller map
  wire [MAP_ADDRESS_WIDTH-1:0] map_write_address = load_write ? load_address : word_address;
  wire source_read = store_read || (combine ? write_back_busy : step && !step_outside);
  wire [MAP_ADDRESS_WIDTH-1:0] source_address =
      store_running ? store_address : combine ? combine_address : step_address;
  wire [MAP_ADDRESS_WIDTH-1:0] read_address_0 = source ? old_address : source_address;
  wire [MAP_ADDRESS_WIDTH-1:0] read_address_1 = source ? source_address : old_address;
  /* verilator lint_on UNUSEDSIGNAL */
  wire [WORD_WIDTH-1:0] map_write_word = load_write ? load_word : out_word;

  ram #(
      .WIDTH(WORD_WIDTH),
      .DEPTH(MAP_0_WORDS),
      .ADDRESS_WIDTH(MAP_0_WIDTH)
  ) map_0 (
      .clk(clk),
      .write_enable(map_write && destination[0]),
      .write_address(map_write_address[MAP_0_WIDTH-1:0]),
      .write_data(map_write_word),
      .read_enable(source ? write_back_busy : source_read),
      .read_address(read_address_0[MAP_0_WIDTH-1:0]),
      .read_data(map_word_0)
  );
  ram #(
      .WIDTH(WORD_WIDTH),
      .DEPTH(MAP_1_WORDS),
      .ADDRESS_WIDTH(MAP_1_WIDTH)
  ) map_1 (
      .clk(clk),
      .write_enable(map_write && destination[1]),
      .write_address(map_write_address[MAP_1_WIDTH-1:0]),
      .write_data(map_write_word),
      .read_enable(source ? source_read : write_back_busy),
      .read_address(read_address_1[MAP_1_WIDTH-1:0]),
      .read_data(map_word_1)
  );

  loader #(
      .WIDTH(ACTIVATION_WIDTH),
      .PX_LANES(PX_LANES),
      .PIXEL_WIDTH(PIXEL_WIDTH),
      .COUNT_WIDTH(COUNT_WIDTH),
      .MAP_ADDRESS_WIDTH(MAP_ADDRESS_WIDTH)
  ) map_loader (
      .clk(clk),
      .rst(rst),
      .start(load_start),
      .base(destination_base),
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
      .WIDTH(ACTIVATION_WIDTH),
      .PX_LANES(PX_LANES),
      .PIXEL_WIDTH(PIXEL_WIDTH),
      .COUNT_WIDTH(COUNT_WIDTH),
      .MAP_ADDRESS_WIDTH(MAP_ADDRESS_WIDTH)
  ) map_storer (
      .clk(clk),
      .rst(rst),
      .start(store_start),
      .base(source_base),
      .words(count),
      .single(single),
      .running(store_running),
      .read_enable(store_read),
      .read_address(store_address),
      .read_data(source_word),
      .m_axis_tvalid(m_axis_tvalid),
      .m_axis_tready(m_axis_tready),
      .m_axis_tdata(m_axis_tdata)
  );

  // Convolution. A step is issued by the walker at stage 0; its map word arrives at 1; the window has the step's operands at
  // 4, with the weight (pointwise: at 2; stages 1 and 2 are skipped); they stand in the registers of the DSPs at 5, the
  // product at 6, the sum at 7, the tile's finished sums at 8.
  wire walking, step_first, step_last;
  wire [1:0] step_column;
  wire [WEIGHT_ADDRESS_WIDTH-1:0] weight_address, weight_address_2;
  wire [MAP_ADDRESS_WIDTH-1:0] tile_map, tile_old;
  wire [TABLE_ADDRESS_WIDTH-1:0] tile_table;
  wire [BIAS_ADDRESS_WIDTH-1:0] tile_bias;
  wire [COUNT_WIDTH-1:0] tile_channel;
  wire tile_first, tile_last, tile_left, tile_right;
  wire [OC_LANES*WEIGHT_WIDTH-1:0] weights;
  wire [WORD_WIDTH-1:0] pixels;
  reg [1:0] column_1;
  reg outside_1, accumulate_6, restart_6;
  reg [5:1] step_at, first_at;
  reg [7:1] last_at;

  always @(posedge clk)
    if (rst) begin
      step_at <= 0;
      last_at <= 0;
    end else begin
      step_at <= {step_at[4:3], pointwise ? step : step_at[2], step_at[1], step && !pointwise};
      last_at <= {last_at[6:3], pointwise ? step_last : last_at[2], last_at[1], step_last && !pointwise};
    end
  always @(posedge clk) begin
    column_1 <= step_column;
    outside_1 <= step_outside;
    first_at <= {first_at[4:3], pointwise ? step && step_first : first_at[2], first_at[1], step && step_first && !pointwise};
    restart_6 <= first_at[5];
    accumulate_6 <= step_at[5];
  end
  wire norm_busy;
  assign compute_running = walking || last_at != 0 || write_back_busy || norm_busy;

  walker #(
      .OC_LANES(OC_LANES),
      .WRITE_BACK(WRITE_BACK),
      .DEPTHWISE_WRITE_BACK(8),
      .COUNT_WIDTH(COUNT_WIDTH),
      .WEIGHT_ADDRESS_WIDTH(WEIGHT_ADDRESS_WIDTH),
      .MAP_ADDRESS_WIDTH(MAP_ADDRESS_WIDTH),
      .TABLE_ADDRESS_WIDTH(TABLE_ADDRESS_WIDTH),
      .BIAS_ADDRESS_WIDTH(BIAS_ADDRESS_WIDTH)
  ) tap_walker (
      .clk(clk),
      .rst(rst),
      .start(convolve_start),
      .pointwise(pointwise),
      .depthwise(depthwise),
      .stride2(stride2),
      .old_stride2(old_stride2),
      .in_channels(in_channels),
      .groups(count),
      .rows(rows),
      .row_words(row_words),
      .plane(plane),
      .source_base(source_base),
      .destination_base(destination_base),
      .old_base(old_base),
      .weight_base(weight_base),
      .table_base(table_base),
      .bias_base(bias_base),
      .running(walking),
      .step(step),
      .first(step_first),
      .last(step_last),
      .column(step_column),
      .outside(step_outside),
      .weight_address(weight_address),
      .map_address(step_address),
      .tile_map(tile_map),
      .tile_old(tile_old),
      .tile_table(tile_table),
      .tile_bias(tile_bias),
      .tile_channel(tile_channel),
      .tile_first(tile_first),
      .tile_last(tile_last),
      .tile_left(tile_left),
      .tile_right(tile_right)
  );

  delay #(
      .WIDTH(WEIGHT_ADDRESS_WIDTH),
      .DEPTH(2)
  ) delay_weight (
      .clk(clk),
      .enable(1'b1),
      .in(weight_address),
      .out(weight_address_2)
  );

  genvar lane;
  generate
    for (lane = 0; lane < OC_LANES; lane = lane + 1) begin : weight_lane
      localparam [7:0] TENS = "0" + lane / 10;
      localparam [7:0] UNITS = "0" + lane % 10;
      rom #(
          .WIDTH(WEIGHT_WIDTH),
          .DEPTH(WEIGHT_WORDS),
          .ADDRESS_WIDTH(WEIGHT_ADDRESS_WIDTH),
          .INIT_FILE({`ENGINE_ROM_PREFIX, "weights_", TENS, UNITS, ".hex"}),
          .WRITABLE(WRITABLE)
      ) weight_rom (
          .clk(clk),
          .enable(1'b1),
          .address(pointwise ? weight_address : weight_address_2),
          .data(weights[WEIGHT_WIDTH*lane+:WEIGHT_WIDTH]),
          .write_enable(memory_write && memory_select == lane),
          .write_address(memory_address[WEIGHT_ADDRESS_WIDTH-1:0]),
          .write_data(memory_data[WEIGHT_WIDTH-1:0])
      );
    end
  endgenerate

  window #(
      .PX_LANES(PX_LANES),
      .WIDTH(ACTIVATION_WIDTH)
  ) kernel_window (
      .clk(clk),
      .arrive(step_at[1]),
      .column(column_1),
      .outside(outside_1),
      .stride2(stride2),
      .pointwise(pointwise),
      .word(source_word),
      .pixels(pixels)
  );

  wire [LANE_WIDTH-1:0] sum_lane;
  wire [PIXEL_WIDTH-1:0] sum_pixel;
  wire [MAC_DSPS*48-1:0] sum;

  mac_array #(
      .OC_LANES(OC_LANES),
      .PX_LANES(PX_LANES),
      .LANE_WIDTH(LANE_WIDTH),
      .PIXEL_WIDTH(PIXEL_WIDTH),
      .ACTIVATION_WIDTH(ACTIVATION_WIDTH),
      .WEIGHT_WIDTH(WEIGHT_WIDTH),
      .MAC_DSPS(MAC_DSPS)
  ) macs (
      .clk(clk),
      .weights(weights),
      .activations(pixels),
      .accumulate(accumulate_6),
      .restart(restart_6),
      .finish(last_at[7]),
      .read_enable(write_back_busy),
      .read_lane(sum_lane),
      .read_pixel(sum_pixel),
      .read_sum(sum)
  );

  // Write-back
  wire [BIAS_ADDRESS_WIDTH-1:0] bias_address;
  wire [TABLE_ADDRESS_WIDTH-1:0] scale_address, shift_address;
  wire signed [31:0] bias, scale, shift;
  wire [1:0] clips;
  wire value_valid, value_first_pixel, value_last_pixel, value_first_word, value_last_word, norm_clip;
  wire signed [31:0] value, mean, norm_scale;
  wire [63:0] value_square;
  wire [CHANNEL_WIDTH-1:0] value_channel, mean_address, norm_scale_address;
  wire [TABLE_ADDRESS_WIDTH-1:0] gamma_address;

  write_back #(
      .PX_LANES(PX_LANES),
      .LANE_WIDTH(LANE_WIDTH),
      .PIXEL_WIDTH(PIXEL_WIDTH),
      .COUNT_WIDTH(COUNT_WIDTH),
      .MAC_DSPS(MAC_DSPS),
      .ACTIVATION_WIDTH(ACTIVATION_WIDTH),
      .ACTIVATION_FRACTION(ACTIVATION_FRACTION),
      .WEIGHT_FRACTION(WEIGHT_FRACTION),
      .SUM_FRACTION(SUM_FRACTION),
      .SCALE_FRACTION(SCALE_FRACTION),
      .MAP_ADDRESS_WIDTH(MAP_ADDRESS_WIDTH),
      .TABLE_ADDRESS_WIDTH(TABLE_ADDRESS_WIDTH),
      .BIAS_ADDRESS_WIDTH(BIAS_ADDRESS_WIDTH),
      .CHANNEL_WIDTH(CHANNEL_WIDTH),
      .POOL_BITS(POOL_BITS)
  ) writer (
      .clk(clk),
      .rst(rst),
      .start(last_at[7] || combine_start),
      .tile_map(combine ? destination_base : tile_map),
      .tile_old(combine ? old_base : tile_old),
      .tile_source(source_base),
      .tile_table(combine ? table_base : tile_table),
      .tile_bias(tile_bias),
      .tile_channel(combine ? {COUNT_WIDTH{1'b0}} : tile_channel),
      .tile_first(tile_first),
      .tile_last(tile_last),
      .tile_left(tile_left),
      .tile_right(tile_right),
      .lanes(combine ? count : depthwise ? {{(COUNT_WIDTH - 1) {1'b0}}, 1'b1} : OC_LANES[COUNT_WIDTH-1:0]),
      .plane(plane),
      .old_channels(old_channels),
      .old_stride2(old_stride2),
      .combine(combine),
      .depthwise(depthwise && !combine),
      .online(online),
      .single(single),
      .channel_words(row_words),
      .relu(relu),
      .add(add),
      .busy(write_back_busy),
      .sum_lane(sum_lane),
      .sum_pixel(sum_pixel),
      .sum(sum),
      .bias_address(bias_address),
      .bias(bias),
      .scale_address(scale_address),
      .scale(scale),
      .shift_address(shift_address),
      .shift(shift),
      .value_valid(value_valid),
      .value(value),
      .value_square(value_square),
      .value_first_pixel(value_first_pixel),
      .value_last_pixel(value_last_pixel),
      .value_first_word(value_first_word),
      .value_last_word(value_last_word),
      .value_channel(value_channel),
      .mean_address(mean_address),
      .mean(mean),
      .norm_scale_address(norm_scale_address),
      .norm_scale(norm_scale),
      .source_address(combine_address),
      .source_word(source_word),
      .old_address(old_address),
      .old_word(source ? map_word_0 : map_word_1),
      .word_valid(write_back_write),
      .word_address(word_address),
      .word(out_word),
      .clips(clips)
  );
  rom #(
      .WIDTH(32),
      .DEPTH(BIAS_WORDS),
      .ADDRESS_WIDTH(BIAS_ADDRESS_WIDTH),
      .INIT_FILE({`ENGINE_ROM_PREFIX, "time_bias.hex"}),
      .WRITABLE(WRITABLE)
  ) bias_rom (
      .clk(clk),
      .enable(write_back_busy),
      .address(bias_address),
      .data(bias),
      .write_enable(memory_write && memory_select == MEMORY_TIME_BIAS),
      .write_address(memory_address[BIAS_ADDRESS_WIDTH-1:0]),
      .write_data(memory_data)
  );
  rom #(
      .WIDTH(32),
      .DEPTH(TABLE_WORDS),
      .ADDRESS_WIDTH(TABLE_ADDRESS_WIDTH),
      .INIT_FILE({`ENGINE_ROM_PREFIX, "scale.hex"}),
      .WRITABLE(WRITABLE)
  ) scale_rom (
      .clk(clk),
      .enable(write_back_busy || norm_busy),
      .address(norm_busy ? gamma_address : scale_address),
      .data(scale),
      .write_enable(memory_write && memory_select == MEMORY_SCALE),
      .write_address(memory_address[TABLE_ADDRESS_WIDTH-1:0]),
      .write_data(memory_data)
  );
  rom #(
      .WIDTH(32),
      .DEPTH(TABLE_WORDS),
      .ADDRESS_WIDTH(TABLE_ADDRESS_WIDTH),
      .INIT_FILE({`ENGINE_ROM_PREFIX, "shift.hex"}),
      .WRITABLE(WRITABLE)
  ) shift_rom (
      .clk(clk),
      .enable(write_back_busy),
      .address(shift_address),
      .data(shift),
      .write_enable(memory_write && memory_select == MEMORY_SHIFT),
      .write_address(memory_address[TABLE_ADDRESS_WIDTH-1:0]),
      .write_data(memory_data)
  );

  // Online norms
  generate
    if (ONLINE_CHANNELS != 0) begin : online_norms
      wire total_valid, total_last;
      wire [CHANNEL_WIDTH-1:0] total_channel;
      wire [127:0] totals;
      /* verilator lint_off UNUSEDSIGNAL */  // a channel of an online norm has less than 2^16 pixels
      wire [31:0] norm_pixels = {{(32 - MAP_ADDRESS_WIDTH) {1'b0}}, plane} << $clog2(PX_LANES);
      /* verilator lint_on UNUSEDSIGNAL */
      moments #(
          .OC_LANES(OC_LANES),
          .PX_LANES(PX_LANES),
          .CHANNEL_WIDTH(CHANNEL_WIDTH),
          .EPSILON(EPSILON)
      ) sums (
          .clk(clk),
          .rst(rst),
          .valid(value_valid),
          .value(value),
          .square(value_square),
          .first_pixel(value_first_pixel),
          .last_pixel(value_last_pixel),
          .first_word(value_first_word),
          .last_word(value_last_word),
          .channel(value_channel),
          .total_valid(total_valid),
          .total_last(total_last),
          .total_channel(total_channel),
          .totals(totals)
      );
      online_norm #(
          .CHANNELS(ONLINE_CHANNELS),
          .CHANNEL_WIDTH(CHANNEL_WIDTH),
          .FRACTION(ACTIVATION_FRACTION),
          .TABLE_ADDRESS_WIDTH(TABLE_ADDRESS_WIDTH)
      ) statistics (
          .clk(clk),
          .rst(rst),
          .start(convolve_start),
          .pixels(norm_pixels[15:0]),
          .table_base(table_base),
          .total_valid(total_valid),
          .total_last(total_last),
          .total_channel(total_channel),
          .totals(totals),
          .gamma_address(gamma_address),
          .gamma(scale),
          .mean_address(mean_address),
          .mean(mean),
          .scale_address(norm_scale_address),
          .scale(norm_scale),
          .busy(norm_busy),
          .clip(norm_clip)
      );
    end else begin : affine_norms
      assign norm_busy = 1'b0;
      assign norm_clip = 1'b0;
      assign mean = 32'sd0;
      assign norm_scale = 32'sd0;
      assign gamma_address = {TABLE_ADDRESS_WIDTH{1'b0}};
      wire unused = &{1'b0, EPSILON, value_valid, value, value_square, value_first_pixel, value_last_pixel, value_first_word,
                      value_last_word, value_channel, mean_address, norm_scale_address};
    end
  endgenerate

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
      .clips({1'b0, clips} + {2'b00, norm_clip}),
      .done(program_end),
      .load_cycles(load_cycles),
      .compute_cycles(compute_cycles),
      .store_cycles(store_cycles),
      .saturations(saturations),
      .valid(done)
  );
endmodule

`default_nettype wire
