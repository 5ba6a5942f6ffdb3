// AXI4-Lite slave as a register bus: one write and one read at a time, each answered in the cycle in which it is asked.
// The address and the data of a write may come in either order. AxPROT is ignored.
`default_nettype none

module axil_slave #(
    parameter ADDRESS_WIDTH = 12
) (
    input  wire                     clk,
    input  wire                     rst,
    // AXI4-Lite
    input  wire                     s_axi_awvalid,
    output wire                     s_axi_awready,
    input  wire [ADDRESS_WIDTH-1:0] s_axi_awaddr,
    input  wire                     s_axi_wvalid,
    output wire                     s_axi_wready,
    input  wire [             31:0] s_axi_wdata,
    input  wire [              3:0] s_axi_wstrb,
    output reg                      s_axi_bvalid,
    input  wire                     s_axi_bready,
    output reg  [              1:0] s_axi_bresp,
    input  wire                     s_axi_arvalid,
    output wire                     s_axi_arready,
    input  wire [ADDRESS_WIDTH-1:0] s_axi_araddr,
    output reg                      s_axi_rvalid,
    input  wire                     s_axi_rready,
    output reg  [             31:0] s_axi_rdata,
    output reg  [              1:0] s_axi_rresp,
    // register bus: one cycle each; an error takes no effect
    output wire                     write,
    output reg  [ADDRESS_WIDTH-1:0] write_address,
    output reg  [             31:0] write_data,
    input  wire                     write_error,
    output reg  [ADDRESS_WIDTH-1:0] read_address,
    input  wire [             31:0] read_data,
    input  wire                     read_error
);
  localparam [1:0] OKAY = 2'b00, SLVERR = 2'b10;

  reg address_held, data_held, all_bytes, read_held;
  wire answer_write = address_held && data_held && (!s_axi_bvalid || s_axi_bready);
  wire answer_read = read_held && (!s_axi_rvalid || s_axi_rready);

  // Registers are written whole: a write of some of the bytes is an error.
  assign write = answer_write && all_bytes;
  assign s_axi_awready = !address_held;
  assign s_axi_wready = !data_held;
  assign s_axi_arready = !read_held;

  always @(posedge clk)
    if (rst) begin
      address_held <= 1'b0;
      data_held <= 1'b0;
      read_held <= 1'b0;
      s_axi_bvalid <= 1'b0;
      s_axi_rvalid <= 1'b0;
    end else begin
      if (answer_write) address_held <= 1'b0;
      else if (s_axi_awvalid) address_held <= 1'b1;
      if (answer_write) data_held <= 1'b0;
      else if (s_axi_wvalid) data_held <= 1'b1;
      if (answer_read) read_held <= 1'b0;
      else if (s_axi_arvalid) read_held <= 1'b1;

      if (answer_write) s_axi_bvalid <= 1'b1;
      else if (s_axi_bready) s_axi_bvalid <= 1'b0;
      if (answer_read) s_axi_rvalid <= 1'b1;
      else if (s_axi_rready) s_axi_rvalid <= 1'b0;
    end

  always @(posedge clk) begin
    if (s_axi_awvalid && s_axi_awready) write_address <= s_axi_awaddr;
    if (s_axi_wvalid && s_axi_wready) begin
      write_data <= s_axi_wdata;
      all_bytes  <= &s_axi_wstrb;
    end
    if (s_axi_arvalid && s_axi_arready) read_address <= s_axi_araddr;
    if (answer_write) s_axi_bresp <= write_error || !all_bytes ? SLVERR : OKAY;
    if (answer_read) begin
      s_axi_rdata <= read_error ? 32'd0 : read_data;
      s_axi_rresp <= read_error ? SLVERR : OKAY;
    end
  end
endmodule

`default_nettype wire
