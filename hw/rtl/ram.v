// Simple dual-port memory: one write port, one clocked read port (data valid one enabled cycle after address). A word must not
// be read in the cycle in which it is written.
`default_nettype none

module ram #(
    parameter WIDTH = 256,
    parameter DEPTH = 512,
    parameter ADDRESS_WIDTH = 9
) (
    input  wire                     clk,
    // write port
    input  wire                     write_enable,
    input  wire [ADDRESS_WIDTH-1:0] write_address,
    input  wire [        WIDTH-1:0] write_data,
    // read port
    input  wire                     read_enable,
    input  wire [ADDRESS_WIDTH-1:0] read_address,
    output reg  [        WIDTH-1:0] read_data
);
  (* ram_style = "block" *) reg [WIDTH-1:0] memory[0:DEPTH-1];

  always @(posedge clk) begin
    if (write_enable) memory[write_address] <= write_data;
    if (read_enable) read_data <= memory[read_address];
  end
endmodule

`default_nettype wire
