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
    output reg                             source,
    output reg                             destination,
    output reg                             relu,
    output reg                             add,
    output reg  [         COUNT_WIDTH-1:0] in_channels,
    output reg  [         COUNT_WIDTH-1:0] count,
    output reg  [   MAP_ADDRESS_WIDTH-1:0] height,
    output reg  [WEIGHT_ADDRESS_WIDTH-1:0] weight_base,
    output reg  [ TABLE_ADDRESS_WIDTH-1:0] table_base,
    output reg  [  BIAS_ADDRESS_WIDTH-1:0] bias_base,
    // units: start is one cycle, running from the cycle after it
    output wire                            load_start,
    output wire                            convolve_start,
    output wire                            store_start,
    input  wire                            running,
    // what the engine is doing
    output reg                             loading,
    output reg                             computing,
    output reg                             storing,
    output wire                            done,  // one cycle at the end of the program
    output wire                            fault
);
  localparam [3:0] LOAD = 1, CONVOLVE = 2, STORE = 3, LOOP = 4, END = 5;
  localparam [2:0] FETCH = 0, FETCHED = 1, DECODE = 2, TABLE = 3, BIAS = 4, START = 5, RUN = 6, FAULT = 7;
  localparam PC_WIDTH = PROGRAM_WORDS > 1 ? $clog2(PROGRAM_WORDS) : 1;

  reg [PC_WIDTH-1:0] pc, pc_next;
  reg [2:0] state, state_next;
  reg [3:0] opcode;
  reg [COUNT_WIDTH-1:0] iteration, iteration_next;
  reg [TABLE_ADDRESS_WIDTH-1:0] table_offset, table_offset_next;

  // Fields have room for larger memories than an engine may have, and for further instructions.
  /* verilator lint_off UNUSEDSIGNAL */
  wire [127:0] instruction;
  wire [TABLE_ADDRESS_WIDTH+3:0] nine_tables = {1'b0, table_base, 3'd0} + {4'd0, table_base};
  /* verilator lint_on UNUSEDSIGNAL */
  rom #(
      .WIDTH(128),
      .DEPTH(PROGRAM_WORDS),
      .ADDRESS_WIDTH(PC_WIDTH),
      .INIT_FILE(PROGRAM_FILE)
  ) program_rom (
      .clk(clk),
      .enable(1'b1),
      .address(pc),
      .data(instruction)
  );
  wire [3:0] fetched_opcode = instruction[3:0];
  wire [COUNT_WIDTH-1:0] fetched_count = instruction[32+:COUNT_WIDTH];
  wire [TABLE_ADDRESS_WIDTH-1:0] fetched_table = instruction[88+:TABLE_ADDRESS_WIDTH];

  always @* begin
    state_next = state;
    pc_next = pc;
    iteration_next = iteration;
    table_offset_next = table_offset;
    case (state)
      FETCH: state_next = FETCHED;
      FETCHED: state_next = DECODE;
      DECODE:
      case (fetched_opcode)
        LOAD, STORE: state_next = START;
        CONVOLVE: state_next = TABLE;
        LOOP: begin
          state_next = FETCH;
          if (iteration + 1'b1 == fetched_count) begin
            iteration_next = 0;
            table_offset_next = 0;
            pc_next = pc + 1'b1;
          end else begin
            iteration_next = iteration + 1'b1;
            table_offset_next = table_offset + fetched_table;
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
    if (state == DECODE) begin
      opcode <= fetched_opcode;
      source <= instruction[4];
      destination <= instruction[8];
      relu <= instruction[12];
      add <= instruction[13];
      in_channels <= instruction[16+:COUNT_WIDTH];
      count <= fetched_count;
      height <= instruction[48+:MAP_ADDRESS_WIDTH];
      weight_base <= instruction[64+:WEIGHT_ADDRESS_WIDTH];
      table_base <= fetched_table;
    end
    if (state == TABLE) table_base <= table_base + table_offset;
    if (state == BIAS) bias_base <= nine_tables[BIAS_ADDRESS_WIDTH-1:0];  // nine classes a channel
  end

  assign load_start = state == START && opcode == LOAD;
  assign convolve_start = state == START && opcode == CONVOLVE;
  assign store_start = state == START && opcode == STORE;
  assign done = state == DECODE && fetched_opcode == END;
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
