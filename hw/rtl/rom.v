// Read-only memory with clocked read and an output register: data is valid two enabled cycles after address. With WRITABLE
// its contents can be replaced; a word must not be read in the cycle in which it is written.
`default_nettype none

module rom #(
    parameter WIDTH = 32,
    parameter DEPTH = 1024,
    parameter ADDRESS_WIDTH = 10,
    parameter INIT_FILE = "rom.hex",
    parameter WRITABLE = 0
) (
    input  wire                     clk,
    input  wire                     enable,
    input  wire [ADDRESS_WIDTH-1:0] address,
    // kept out of a DSP's input registers, where the multiplexer of a deep memory would feed many DSPs at once
    (* keep *)
    output reg  [        WIDTH-1:0] data,
    // write port, unused unless WRITABLE
    /* verilator lint_off UNUSEDSIGNAL */
    input  wire                     write_enable,
    input  wire [ADDRESS_WIDTH-1:0] write_address,
    input  wire [        WIDTH-1:0] write_data
    /* verilator lint_on UNUSEDSIGNAL */
);
  reg [WIDTH-1:0] memory[0:DEPTH-1];
  reg [WIDTH-1:0] fetched;

  initial $readmemh(INIT_FILE, memory);

  generate
    if (WRITABLE != 0) begin : writable
      always @(posedge clk) if (write_enable) memory[write_address] <= write_data;
    end
  endgenerate

  always @(posedge clk)
    if (enable) begin
      fetched <= memory[address];
      data <= fetched;
    end
endmodule

`default_nettype wire
