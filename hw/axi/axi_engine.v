// The engine behind AXI4-Stream (feature maps in and out) and AXI4-Lite (registers), one clock. The rules of its streams and
// registers: hw/README.md and the generated registers.md.
`default_nettype none
`include "engine_config.vh"
`include "axi_config.vh"

module axi_engine #(
    parameter WRITABLE = 1,  // weights and tables can be rewritten
    parameter IN_BEATS = `ENGINE_INPUT_SIZE,
    parameter OUT_BEATS = `ENGINE_OUTPUT_SIZE
) (
    input  wire        aclk,
    input  wire        aresetn,
    // feature maps in
    input  wire        s_axis_tvalid,
    output wire        s_axis_tready,
    input  wire [31:0] s_axis_tdata,
    input  wire [ 3:0] s_axis_tkeep,
    input  wire        s_axis_tlast,
    // feature maps out
    output wire        m_axis_tvalid,
    input  wire        m_axis_tready,
    output wire [31:0] m_axis_tdata,
    output wire [ 3:0] m_axis_tkeep,
    output wire        m_axis_tlast,
    // registers
    input  wire        s_axi_awvalid,
    output wire        s_axi_awready,
    input  wire [11:0] s_axi_awaddr,
    input  wire [ 2:0] s_axi_awprot,
    input  wire        s_axi_wvalid,
    output wire        s_axi_wready,
    input  wire [31:0] s_axi_wdata,
    input  wire [ 3:0] s_axi_wstrb,
    output wire        s_axi_bvalid,
    input  wire        s_axi_bready,
    output wire [ 1:0] s_axi_bresp,
    input  wire        s_axi_arvalid,
    output wire        s_axi_arready,
    input  wire [11:0] s_axi_araddr,
    input  wire [ 2:0] s_axi_arprot,
    output wire        s_axi_rvalid,
    input  wire        s_axi_rready,
    output wire [31:0] s_axi_rdata,
    output wire [ 1:0] s_axi_rresp
);
  wire rst = !aresetn;
  wire unused_prot = &{1'b0, s_axi_awprot, s_axi_arprot};

  // Registers
  wire write, write_error, read_error;
  wire [11:0] write_address, read_address;
  wire [31:0] write_data, read_data;
  wire engine_rst, enable, stream_error, busy, fault, done;
  wire [31:0] images_per_packet, load_cycles, compute_cycles, store_cycles, saturations;
  wire memory_write;
  wire [7:0] memory_select;
  wire [23:0] memory_address;
  wire [31:0] memory_data;

  axil_slave #(
      .ADDRESS_WIDTH(12)
  ) control (
      .clk(aclk),
      .rst(rst),
      .s_axi_awvalid(s_axi_awvalid),
      .s_axi_awready(s_axi_awready),
      .s_axi_awaddr(s_axi_awaddr),
      .s_axi_wvalid(s_axi_wvalid),
      .s_axi_wready(s_axi_wready),
      .s_axi_wdata(s_axi_wdata),
      .s_axi_wstrb(s_axi_wstrb),
      .s_axi_bvalid(s_axi_bvalid),
      .s_axi_bready(s_axi_bready),
      .s_axi_bresp(s_axi_bresp),
      .s_axi_arvalid(s_axi_arvalid),
      .s_axi_arready(s_axi_arready),
      .s_axi_araddr(s_axi_araddr),
      .s_axi_rvalid(s_axi_rvalid),
      .s_axi_rready(s_axi_rready),
      .s_axi_rdata(s_axi_rdata),
      .s_axi_rresp(s_axi_rresp),
      .write(write),
      .write_address(write_address),
      .write_data(write_data),
      .write_error(write_error),
      .read_address(read_address),
      .read_data(read_data),
      .read_error(read_error)
  );

  engine_registers #(
      .OC_LANES(`ENGINE_OC_LANES),
      .PX_LANES(`ENGINE_PX_LANES),
      .WEIGHT_WORDS(`ENGINE_WEIGHT_WORDS),
      .TABLE_WORDS(`ENGINE_TABLE_WORDS),
      .IN_BEATS(IN_BEATS),
      .OUT_BEATS(OUT_BEATS),
      .WRITABLE(WRITABLE),
      .HASH(`AXI_PROGRAM_HASH),
      .SHAPE(`AXI_SHAPE_HASH)
  ) registers (
      .clk(aclk),
      .rst(rst),
      .write(write),
      .write_address(write_address),
      .write_data(write_data),
      .write_error(write_error),
      .read_address(read_address),
      .read_data(read_data),
      .read_error(read_error),
      .engine_rst(engine_rst),
      .enable(enable),
      .images_per_packet(images_per_packet),
      .memory_write(memory_write),
      .memory_select(memory_select),
      .memory_address(memory_address),
      .memory_data(memory_data),
      .busy(busy),
      .fault(fault),
      .stream_error(stream_error),
      .done(done),
      .load_cycles(load_cycles),
      .compute_cycles(compute_cycles),
      .store_cycles(store_cycles),
      .saturations(saturations)
  );

  // Streams
  wire in_valid, in_ready, out_valid, out_ready;
  wire [31:0] in_data, out_data;

  stream_in #(
      .BEATS(IN_BEATS)
  ) maps_in (
      .clk(aclk),
      .rst(engine_rst),
      .enable(enable),
      .s_axis_tvalid(s_axis_tvalid),
      .s_axis_tready(s_axis_tready),
      .s_axis_tdata(s_axis_tdata),
      .s_axis_tkeep(s_axis_tkeep),
      .s_axis_tlast(s_axis_tlast),
      .valid(in_valid),
      .ready(in_ready),
      .data(in_data),
      .error(stream_error)
  );
  stream_out #(
      .BEATS(OUT_BEATS)
  ) maps_out (
      .clk(aclk),
      .rst(rst),
      .engine_rst(engine_rst),
      .images_per_packet(images_per_packet),
      .valid(out_valid),
      .ready(out_ready),
      .data(out_data),
      .m_axis_tvalid(m_axis_tvalid),
      .m_axis_tready(m_axis_tready),
      .m_axis_tdata(m_axis_tdata),
      .m_axis_tkeep(m_axis_tkeep),
      .m_axis_tlast(m_axis_tlast)
  );

  engine #(
      .WRITABLE(WRITABLE)
  ) core (
      .clk(aclk),
      .rst(engine_rst),
      .s_axis_tvalid(in_valid),
      .s_axis_tready(in_ready),
      .s_axis_tdata(in_data),
      .m_axis_tvalid(out_valid),
      .m_axis_tready(out_ready),
      .m_axis_tdata(out_data),
      .memory_write(memory_write),
      .memory_select(memory_select),
      .memory_address(memory_address),
      .memory_data(memory_data),
      .busy(busy),
      .fault(fault),
      .done(done),
      .load_cycles(load_cycles),
      .compute_cycles(compute_cycles),
      .store_cycles(store_cycles),
      .saturations(saturations)
  );
endmodule

`default_nettype wire
