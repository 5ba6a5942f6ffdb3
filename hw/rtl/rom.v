// Read-only memory with clocked read and an output register: data is valid two enabled cycles after address.
`default_nettype none

module rom #(
    parameter WIDTH = 32,
    parameter DEPTH = 1024,
    parameter ADDRESS_WIDTH = 10,
    parameter INIT_FILE = "rom.hex"
) (
    input  wire                     clk,
    input  wire                     enable,
    input  wire [ADDRESS_WIDTH-1:0] address,
    // kept out of a DSP's input registers, where the multiplexer of a deep memory would feed many DSPs at once
    (* keep *)
    output reg  [        WIDTH-1:0] data
);
  reg [WIDTH-1:0] memory[0:DEPTH-1];
  reg [WIDTH-1:0] fetched;

  initial $readmemh(INIT_FILE, memory);

  always @(posedge clk)
    if (enable) begin
      fetched <= memory[address];
      data <= fetched;
    end
endmodule

`default_nettype wire
