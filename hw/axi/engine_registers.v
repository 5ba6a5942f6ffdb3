// The registers of axi_config.vh, which src/engine/registers.cpp generates with the drivers' constants and registers.md:
// what each of them means stands there.
`default_nettype none
`include "axi_config.vh"

module engine_registers #(
    parameter OC_LANES = 2,
    parameter PX_LANES = 8,
    parameter WEIGHT_WORDS = 36864,
    parameter TABLE_WORDS = 768,
    parameter IN_BEATS = 4096,
    parameter OUT_BEATS = 4096,
    parameter WRITABLE = 1,
    parameter [63:0] HASH = 64'd0,
    parameter [31:0] SHAPE = 32'd0
) (
    input  wire        clk,
    input  wire        rst,
    // register bus, see axil_slave
    input  wire        write,
    input  wire [11:0] write_address,
    input  wire [31:0] write_data,
    output reg         write_error,
    input  wire [11:0] read_address,
    output reg  [31:0] read_data,
    output reg         read_error,
    // control
    output reg         engine_rst,
    output reg         enable,
    output reg  [31:0] images_per_packet,
    // write port of the engine's memories
    output reg         memory_write,
    output reg  [ 7:0] memory_select,
    output reg  [23:0] memory_address,
    output reg  [31:0] memory_data,
    // status
    input  wire        busy,
    input  wire        fault,
    input  wire        stream_error,
    input  wire        done,
    input  wire [31:0] load_cycles,
    input  wire [31:0] compute_cycles,
    input  wire [31:0] store_cycles,
    input  wire [31:0] saturations
);
  // Like the memories that it names, the hash outlives every reset. It is kept as the difference from the value after
  // power-up, as registers that power up as 0 are the only ones that every tool provides.
  reg [63:0] hash_change = 64'd0;
  wire [63:0] hash = HASH ^ hash_change;
  reg [31:0] images;
  reg [7:0] next_select;
  reg [23:0] next_address;
  reg done_seen, error_seen;
  // From the very cycle in which busy falls, done is seen.
  wire [31:0] status = {28'd0, error_seen, fault, done_seen || done, busy};

  // Memories: weights of lane i, then time biases, scales, shifts
  localparam BIAS_WORDS = 9 * TABLE_WORDS;
  wire in_weights = next_select < OC_LANES && next_address < WEIGHT_WORDS;
  wire in_biases = next_select == `AXI_MEMORY_TIME_BIAS && next_address < BIAS_WORDS;
  wire in_tables = (next_select == `AXI_MEMORY_SCALE || next_select == `AXI_MEMORY_SHIFT) && next_address < TABLE_WORDS;
  wire writable = WRITABLE != 0 && !busy && (in_weights || in_biases || in_tables);

  always @* begin
    write_error = 1'b0;
    case (write_address)
      `AXI_CONTROL, `AXI_STATUS, `AXI_HASH_LOW, `AXI_HASH_HIGH, `AXI_MEMORY_SELECT, `AXI_MEMORY_ADDRESS: ;
      `AXI_IMAGES_PER_PACKET: write_error = write_data == 0;
      `AXI_MEMORY_DATA: write_error = !writable;
      default: write_error = 1'b1;
    endcase
  end
  wire accept = write && !write_error;

  always @* begin
    read_error = 1'b0;
    case (read_address)
      `AXI_ID: read_data = `AXI_ID_VALUE;
      `AXI_VERSION: read_data = `AXI_VERSION_VALUE;
      `AXI_CONTROL: read_data = {31'd0, enable};
      `AXI_STATUS: read_data = status;
      `AXI_HASH_LOW: read_data = hash[31:0];
      `AXI_HASH_HIGH: read_data = hash[63:32];
      `AXI_SHAPE: read_data = SHAPE;
      `AXI_LANES: read_data = {15'd0, WRITABLE != 0, PX_LANES[7:0], OC_LANES[7:0]};
      `AXI_IN_BEATS: read_data = IN_BEATS;
      `AXI_OUT_BEATS: read_data = OUT_BEATS;
      `AXI_IMAGES: read_data = images;
      `AXI_LOAD_CYCLES: read_data = load_cycles;
      `AXI_COMPUTE_CYCLES: read_data = compute_cycles;
      `AXI_STORE_CYCLES: read_data = store_cycles;
      `AXI_SATURATIONS: read_data = saturations;
      `AXI_IMAGES_PER_PACKET: read_data = images_per_packet;
      `AXI_MEMORY_SELECT: read_data = {24'd0, next_select};
      `AXI_MEMORY_ADDRESS: read_data = {8'd0, next_address};
      default: begin
        read_data  = 32'd0;
        read_error = 1'b1;
      end
    endcase
  end

  // A reset through the register clears what belongs to images, not what the host has set.
  always @(posedge clk)
    if (rst) engine_rst <= 1'b1;
    else engine_rst <= accept && write_address == `AXI_CONTROL && write_data[`AXI_CONTROL_RESET_BIT];

  always @(posedge clk)
    if (rst || engine_rst) begin
      done_seen <= 1'b0;
      error_seen <= 1'b0;
      images <= 0;
    end else begin
      if (accept && write_address == `AXI_STATUS) begin
        if (write_data[`AXI_STATUS_DONE_BIT]) done_seen <= 1'b0;
        if (write_data[`AXI_STATUS_STREAM_ERROR_BIT]) error_seen <= 1'b0;
      end
      if (done) begin
        done_seen <= 1'b1;
        images <= images + 1'b1;
      end
      if (stream_error) error_seen <= 1'b1;
    end

  always @(posedge clk)
    if (rst) begin
      enable <= 1'b1;
      images_per_packet <= 32'd1;
      next_select <= 8'd0;
      next_address <= 24'd0;
      memory_write <= 1'b0;
    end else begin
      memory_write <= accept && write_address == `AXI_MEMORY_DATA;
      if (accept)
        case (write_address)
          `AXI_CONTROL: enable <= write_data[`AXI_CONTROL_ENABLE_BIT];
          `AXI_IMAGES_PER_PACKET: images_per_packet <= write_data;
          `AXI_MEMORY_SELECT: next_select <= write_data[7:0];
          `AXI_MEMORY_ADDRESS: next_address <= write_data[23:0];
          `AXI_MEMORY_DATA: next_address <= next_address + 1'b1;
          default: ;
        endcase
    end

  always @(posedge clk) begin
    if (accept && write_address == `AXI_HASH_LOW) hash_change[31:0] <= HASH[31:0] ^ write_data;
    if (accept && write_address == `AXI_HASH_HIGH) hash_change[63:32] <= HASH[63:32] ^ write_data;
    memory_select  <= next_select;
    memory_address <= next_address;
    memory_data <= write_data;
  end
endmodule

`default_nettype wire
