// Reads instructions and runs them one after another: starts a unit, waits until it has finished, fetches the next one.
// An unknown opcode raises fault and stops the engine until reset. Instruction format: hw/README.md.
`default_nettype none

module sequencer #(
    parameter PROGRAM_WORDS = 8,
    parameter PROGRAM_FILE = "program.hex",
    parameter COUNT_WIDTH = 16,
    parameter MAP_ADDRESS_WIDTH = 9,
    parameter WEIGHT_ADDRESS_WIDTH = 16,
    parameter TABLE_ADDRESS_WIDTH = 10,
    parameter BIAS_ADDRESS_WIDTH = 14
) (
    input  wire                            clk,
    input  wire                            rst,
    // the instruction in execution: its fields stay put while a unit runs
    output wire                            source,
    output wire [                     1:0] destination,  // maps written
    output wire                            relu,
    output wire                            add,
    output wire                            pointwise,
    output wire                            depthwise,
    output wire                            stride2,
    output wire                            old_stride2,
    output wire                            combine,
    output wire                            online,
    output wire                            single,
    output wire [         COUNT_WIDTH-1:0] in_channels,
    output wire [         COUNT_WIDTH-1:0] count,
    output wire [         COUNT_WIDTH-1:0] old_channels,
    output wire [   MAP_ADDRESS_WIDTH-1:0] rows,
    output wire [   MAP_ADDRESS_WIDTH-1:0] row_words,
    output wire [   MAP_ADDRESS_WIDTH-1:0] plane,
    output wire [   MAP_ADDRESS_WIDTH-1:0] source_base,
    output wire [   MAP_ADDRESS_WIDTH-1:0] destination_base,
    output wire [   MAP_ADDRESS_WIDTH-1:0] old_base,
    output wire [WEIGHT_ADDRESS_WIDTH-1:0] weight_base,
    output reg  [ TABLE_ADDRESS_WIDTH-1:0] table_base,
    output reg  [  BIAS_ADDRESS_WIDTH-1:0] bias_base,
    // units: start is one cycle, running from the cycle after it
    output wire                            load_start,
    output wire                            convolve_start,
    output wire                            combine_start,
    output wire                            store_start,
    input  wire                            running,
    // what the engine is doing
    output reg                             loading,
    output reg                             computing,
    output reg                             storing,
    output wire                            done,  // one cycle at the end of the program
    output wire                            fault
);
  localparam [3:0] LOAD = 1, CONVOLVE = 2, STORE = 3, LOOP = 4, END = 5, COMBINE = 6;
  localparam [2:0] FETCH = 0, FETCHED = 1, DECODE = 2, TABLE = 3, BIAS = 4, START = 5, RUN = 6, FAULT = 7;
  localparam PC_WIDTH = PROGRAM_WORDS > 1 ? $clog2(PROGRAM_WORDS) : 1;

  reg [PC_WIDTH-1:0] pc, pc_next;
  reg [2:0] state, state_next;
  reg [COUNT_WIDTH-1:0] iteration, iteration_next;
  reg [TABLE_ADDRESS_WIDTH-1:0] table_offset, table_offset_next;

  // Fields have room for larger memories than an engine may have, and for further instructions.
  /* verilator lint_off UNUSEDSIGNAL */
  wire [255:0] instruction;  // stays put while the program counter does
  wire [TABLE_ADDRESS_WIDTH+3:0] nine_tables = {1'b0, table_base, 3'd0} + {4'd0, table_base};
  /* verilator lint_on UNUSEDSIGNAL */
  rom #(
      .WIDTH(256),
      .DEPTH(PROGRAM_WORDS),
      .ADDRESS_WIDTH(PC_WIDTH),
      .INIT_FILE(PROGRAM_FILE)
  ) program_rom (
      .clk(clk),
      .enable(1'b1),
      .address(pc),
      .data(instruction),
      .write_enable(1'b0),
      .write_address({PC_WIDTH{1'b0}}),
      .write_data(256'd0)
  );
  wire [3:0] opcode = instruction[3:0];
  wire [TABLE_ADDRESS_WIDTH-1:0] table_field = instruction[224+:TABLE_ADDRESS_WIDTH];
  assign source = instruction[4];
  assign destination = instruction[7:6];
  assign relu = instruction[8];
  assign add = instruction[9];
  assign stride2 = instruction[10];
  assign old_stride2 = instruction[11];
  assign pointwise = instruction[12];
  assign depthwise = instruction[13];
  assign online = instruction[14];
  assign single = instruction[15];
  assign in_channels = instruction[16+:COUNT_WIDTH];
  assign count = instruction[32+:COUNT_WIDTH];
  assign rows = instruction[48+:MAP_ADDRESS_WIDTH];
  assign row_words = instruction[64+:MAP_ADDRESS_WIDTH];
  assign plane = instruction[80+:MAP_ADDRESS_WIDTH];
  assign old_channels = instruction[96+:COUNT_WIDTH];
  assign source_base = instruction[128+:MAP_ADDRESS_WIDTH];
  assign destination_base = instruction[152+:MAP_ADDRESS_WIDTH];
  assign old_base = instruction[176+:MAP_ADDRESS_WIDTH];
  assign weight_base = instruction[200+:WEIGHT_ADDRESS_WIDTH];
  assign combine = opcode == COMBINE;

  always @* begin
    state_next = state;
    pc_next = pc;
    iteration_next = iteration;
    table_offset_next = table_offset;
    case (state)
      FETCH: state_next = FETCHED;
      FETCHED: state_next = DECODE;
      DECODE:
      case (opcode)
        LOAD, STORE: state_next = START;
        CONVOLVE, COMBINE: state_next = TABLE;
        LOOP: begin
          state_next = FETCH;
          if (iteration + 1'b1 == count) begin
            iteration_next = 0;
            table_offset_next = 0;
            pc_next = pc + 1'b1;
          end else begin
            iteration_next = iteration + 1'b1;
            table_offset_next = table_offset + table_field;
            pc_next = instruction[112+:PC_WIDTH];
          end
        end
        END: begin
          state_next = FETCH;
          pc_next = 0;
        end
        default: state_next = FAULT;
      endcase
      TABLE: state_next = BIAS;
      BIAS: state_next = START;
      START: state_next = RUN;
      RUN:
      if (!running) begin
        state_next = FETCH;
        pc_next = pc + 1'b1;
      end
      default: state_next = FAULT;
    endcase
  end

  always @(posedge clk)
    if (rst) begin
      state <= FETCH;
      pc <= 0;
      iteration <= 0;
      table_offset <= 0;
    end else begin
      state <= state_next;
      pc <= pc_next;
      iteration <= iteration_next;
      table_offset <= table_offset_next;
    end

  always @(posedge clk) begin
    if (state == TABLE) table_base <= table_field + table_offset;
    if (state == BIAS) bias_base <= nine_tables[BIAS_ADDRESS_WIDTH-1:0];  // nine classes a channel
  end

  assign load_start = state == START && opcode == LOAD;
  assign convolve_start = state == START && opcode == CONVOLVE;
  assign combine_start = state == START && combine;
  assign store_start = state == START && opcode == STORE;
  assign done = state == DECODE && opcode == END;
  assign fault = state == FAULT;

  always @(posedge clk)
    if (rst || done) begin
      loading   <= 1'b0;
      computing <= 1'b0;
      storing   <= 1'b0;
    end else if (load_start) begin
      loading   <= 1'b1;
      computing <= 1'b0;
      storing   <= 1'b0;
    end else if (loading && !running && state == RUN) begin
      loading   <= 1'b0;
      computing <= 1'b1;
    end else if (store_start) begin
      computing <= 1'b0;
      storing   <= 1'b1;
    end
endmodule

`default_nettype wire
