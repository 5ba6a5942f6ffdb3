// From the sums of a channel to its mean and scale, one channel after another as they are complete, while the convolution
// goes on with the next ones (fixed/online_norm.h):
//   root = isqrt(n Q - S^2),  mean = S / n,  scale = saturate(gamma n 2^FRACTION / root)
// The products are formed by shifting and adding, one bit of a factor a cycle; the mean is divided meanwhile, and gamma n
// multiplied while the root is drawn. A channel takes 16 + 48 + 48 + 48 + FRACTION + 10 cycles.
`default_nettype none

module online_norm #(
    parameter CHANNELS = 64,
    parameter CHANNEL_WIDTH = 6,
    parameter FRACTION = 20,  // of the sums c
    parameter TABLE_ADDRESS_WIDTH = 10
) (
    input  wire                            clk,
    input  wire                            rst,
    // start of a convolution; n and the table's address stay put until busy falls
    input  wire                            start,
    input  wire [                    15:0] pixels,
    input  wire [ TABLE_ADDRESS_WIDTH-1:0] table_base,
    // sums of a channel so far, the last of them first to last
    input  wire                            total_valid,
    input  wire                            total_last,
    input  wire [       CHANNEL_WIDTH-1:0] total_channel,
    input  wire [                   127:0] totals,
    // gamma, two cycles after its address
    output wire [ TABLE_ADDRESS_WIDTH-1:0] gamma_address,
    input  wire signed [             31:0] gamma,
    // results, one cycle after their addresses
    input  wire [       CHANNEL_WIDTH-1:0] mean_address,
    output wire signed [             31:0] mean,
    input  wire [       CHANNEL_WIDTH-1:0] scale_address,
    output wire signed [             31:0] scale,
    output wire                            busy,
    output reg                             clip  // a scale was saturated
);
  localparam PIXEL_BITS = 16, SUM_BITS = 48, SQUARE_BITS = 96;
  localparam [2:0] IDLE = 0, FETCH = 1, PIXELS = 2, SQUARE = 3, ROOT = 4, DIVIDE = 5, WRITE = 6;
  // Divider steps: 48 + FRACTION + 1 at most
  localparam COUNT_WIDTH = 7;

  reg [2:0] state;
  reg [CHANNEL_WIDTH:0] ready, done;  // channels whose sums are complete, whose results are written
  wire [CHANNEL_WIDTH-1:0] channel = done[CHANNEL_WIDTH-1:0];
  assign busy = state != IDLE || ready != done;

  // Sums
  wire [127:0] sums;
  ram #(
      .WIDTH(128),
      .DEPTH(CHANNELS),
      .ADDRESS_WIDTH(CHANNEL_WIDTH)
  ) sums_ram (
      .clk(clk),
      .write_enable(total_valid),
      .write_address(total_channel),
      .write_data(totals),
      .read_enable(state == IDLE && ready != done),
      .read_address(channel),
      .read_data(sums)
  );
  wire sum_negative = sums[SUM_BITS-1];
  wire [SUM_BITS-1:0] sum_magnitude = sum_negative ? -sums[SUM_BITS-1:0] : sums[SUM_BITS-1:0];
  wire [31:0] gamma_magnitude = gamma[31] ? -gamma : gamma;
  generate  // tables have an entry for every channel
    if (TABLE_ADDRESS_WIDTH > CHANNEL_WIDTH) begin : wide
      assign gamma_address = table_base + {{(TABLE_ADDRESS_WIDTH - CHANNEL_WIDTH) {1'b0}}, channel};
    end else begin : narrow
      assign gamma_address = table_base + channel;
    end
  endgenerate

  // product = sum of the bits of `factor` times `multiplicand`, added or subtracted
  reg [SQUARE_BITS-1:0] product, multiplicand;
  reg [SUM_BITS-1:0] factor, magnitude;
  reg [5:0] bits_left;
  reg subtract;
  wire last_bit = bits_left == 1;
  wire [SQUARE_BITS-1:0] addend = subtract ? ~multiplicand : multiplicand;
  wire [SQUARE_BITS-1:0] next_product = product + addend + {{(SQUARE_BITS - 1) {1'b0}}, subtract};

  // Root and quotients
  wire root_busy, divide_busy, divide_clipped;
  wire [SUM_BITS-1:0] root;
  wire signed [31:0] quotient;
  reg root_start, mean_start, scale_start;
  reg signed [31:0] mean_found;
  isqrt #(
      .WIDTH(SUM_BITS),
      .COUNT_WIDTH(6)
  ) draw_root (
      .clk(clk),
      .rst(rst),
      .start(root_start),
      .value(product),
      .busy(root_busy),
      .root(root)
  );
  divide #(
      .NUMERATOR_WIDTH(SUM_BITS),
      .DIVISOR_WIDTH(SUM_BITS),
      .OUT_WIDTH(32),
      .COUNT_WIDTH(COUNT_WIDTH)
  ) divider (
      .clk(clk),
      .rst(rst),
      .start(mean_start || scale_start),
      .negative(mean_start ? sum_negative : gamma[31]),
      .numerator(mean_start ? magnitude : product[SUM_BITS-1:0]),
      .zeros(mean_start ? {COUNT_WIDTH{1'b0}} : FRACTION[COUNT_WIDTH-1:0]),
      .divisor(mean_start ? {{(SUM_BITS - PIXEL_BITS) {1'b0}}, pixels} : root),
      .busy(divide_busy),
      .quotient(quotient),
      .clipped(divide_clipped)
  );

  // Results
  wire found = state == WRITE;
  ram #(
      .WIDTH(32),
      .DEPTH(CHANNELS),
      .ADDRESS_WIDTH(CHANNEL_WIDTH)
  ) mean_ram (
      .clk(clk),
      .write_enable(found),
      .write_address(channel),
      .write_data(mean_found),
      .read_enable(!busy),
      .read_address(mean_address),
      .read_data(mean)
  );
  ram #(
      .WIDTH(32),
      .DEPTH(CHANNELS),
      .ADDRESS_WIDTH(CHANNEL_WIDTH)
  ) scale_ram (
      .clk(clk),
      .write_enable(found),
      .write_address(channel),
      .write_data(quotient),
      .read_enable(!busy),
      .read_address(scale_address),
      .read_data(scale)
  );

  always @(posedge clk)
    if (rst) begin
      state <= IDLE;
      ready <= 0;
      done <= 0;
      root_start <= 1'b0;
      mean_start <= 1'b0;
      scale_start <= 1'b0;
      clip <= 1'b0;
    end else begin
      root_start <= 1'b0;
      mean_start <= 1'b0;
      scale_start <= 1'b0;
      clip <= found && divide_clipped;
      if (start) ready <= 0;
      else if (total_valid && total_last) ready <= {1'b0, total_channel} + 1'b1;
      if (start) done <= 0;
      else if (found) done <= done + 1'b1;

      case (state)
        IDLE: if (ready != done) state <= FETCH;
        FETCH: begin
          state <= PIXELS;
          mean_start <= 1'b1;
        end
        PIXELS: if (last_bit) state <= SQUARE;
        SQUARE:
        if (last_bit) begin
          state <= ROOT;
          root_start <= 1'b1;
        end
        ROOT:
        if (!root_start && !root_busy) begin
          state <= DIVIDE;
          scale_start <= 1'b1;
        end
        DIVIDE: if (!scale_start && !divide_busy) state <= WRITE;
        default: state <= IDLE;
      endcase
    end

  always @(posedge clk) begin
    if (bits_left != 0) begin
      if (factor[0]) product <= next_product;
      multiplicand <= multiplicand << 1;
      factor <= factor >> 1;
      bits_left <= bits_left - 1'b1;
    end
    if (state == FETCH) begin
      magnitude <= sum_magnitude;
      product <= 0;
      multiplicand <= {{(SQUARE_BITS - 80) {1'b0}}, sums[127:SUM_BITS]};
      factor <= {{(SUM_BITS - PIXEL_BITS) {1'b0}}, pixels};
      bits_left <= PIXEL_BITS[5:0];
      subtract <= 1'b0;
    end
    if (state == PIXELS && last_bit) begin
      multiplicand <= {{(SQUARE_BITS - SUM_BITS) {1'b0}}, magnitude};
      factor <= magnitude;
      bits_left <= SUM_BITS[5:0];
      subtract <= 1'b1;
    end
    if (state == ROOT && root_start) begin
      product <= 0;
      multiplicand <= {{(SQUARE_BITS - 32) {1'b0}}, gamma_magnitude};
      factor <= {{(SUM_BITS - PIXEL_BITS) {1'b0}}, pixels};
      bits_left <= PIXEL_BITS[5:0];
      subtract <= 1'b0;
    end
    if (state == ROOT) mean_found <= quotient;
  end
endmodule

`default_nettype wire
