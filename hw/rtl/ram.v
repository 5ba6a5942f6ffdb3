// Simple dual-port memory: one write port, one clocked read port (data valid one enabled cycle after address). A word must not
// be read in the cycle in which it is written.
//
// It is made of memories at most 32 bits wide: of a block RAM 72 bits wide, the widest kind, Yosys 0.23 connects four write data bits
// wrongly (xilinx/brams_xc6v_map.v compares the width with 71), which no simulation of these sources shows.
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
    output wire [        WIDTH-1:0] read_data
);
  genvar i;
  generate
    for (i = 0; i < WIDTH; i = i + 32) begin : slice
      localparam BITS = WIDTH - i < 32 ? WIDTH - i : 32;
      (* ram_style = "block" *) reg [BITS-1:0] memory[0:DEPTH-1];
      reg [BITS-1:0] fetched;

      always @(posedge clk) begin
        if (write_enable) memory[write_address] <= write_data[i+:BITS];
        if (read_enable) fetched <= memory[read_address];
      end

      assign read_data[i+:BITS] = fetched;
    end
  endgenerate
endmodule

`default_nettype wire
