// host_bridge and axi_engine: the whole design but for the pins that bring the bytes.
`default_nettype none

module bridge_engine #(
    parameter WRITABLE = 1
) (
    input  wire       clk,
    input  wire       rst,
    input  wire       rx_valid,
    output wire       rx_ready,
    input  wire [7:0] rx_data,
    output wire       tx_valid,
    input  wire       tx_ready,
    output wire [7:0] tx_data,
    // at least one beat went this way in this cycle
    output wire       beat_in,
    output wire       beat_out
);
  wire in_valid, in_ready, in_last, out_valid, out_ready;
  wire [31:0] in_data, out_data;
  wire awvalid, awready, wvalid, wready, bvalid, bready, arvalid, arready, rvalid, rready;
  wire [11:0] awaddr, araddr;
  wire [31:0] wdata, rdata;
  wire [1:0] bresp, rresp;
  // The host counts words.
  /* verilator lint_off UNUSEDSIGNAL */
  wire out_last;
  wire [3:0] out_keep;
  /* verilator lint_on UNUSEDSIGNAL */

  assign beat_in  = in_valid && in_ready;
  assign beat_out = out_valid && out_ready;

  host_bridge bridge (
      .clk(clk),
      .rst(rst),
      .rx_valid(rx_valid),
      .rx_ready(rx_ready),
      .rx_data(rx_data),
      .tx_valid(tx_valid),
      .tx_ready(tx_ready),
      .tx_data(tx_data),
      .m_axis_tvalid(in_valid),
      .m_axis_tready(in_ready),
      .m_axis_tdata(in_data),
      .m_axis_tlast(in_last),
      .s_axis_tvalid(out_valid),
      .s_axis_tready(out_ready),
      .s_axis_tdata(out_data),
      .m_axi_awvalid(awvalid),
      .m_axi_awready(awready),
      .m_axi_awaddr(awaddr),
      .m_axi_wvalid(wvalid),
      .m_axi_wready(wready),
      .m_axi_wdata(wdata),
      .m_axi_bvalid(bvalid),
      .m_axi_bready(bready),
      .m_axi_bresp(bresp),
      .m_axi_arvalid(arvalid),
      .m_axi_arready(arready),
      .m_axi_araddr(araddr),
      .m_axi_rvalid(rvalid),
      .m_axi_rready(rready),
      .m_axi_rdata(rdata),
      .m_axi_rresp(rresp)
  );

  axi_engine #(
      .WRITABLE(WRITABLE)
  ) accelerator (
      .aclk(clk),
      .aresetn(!rst),
      .s_axis_tvalid(in_valid),
      .s_axis_tready(in_ready),
      .s_axis_tdata(in_data),
      .s_axis_tkeep(4'hf),
      .s_axis_tlast(in_last),
      .m_axis_tvalid(out_valid),
      .m_axis_tready(out_ready),
      .m_axis_tdata(out_data),
      .m_axis_tkeep(out_keep),
      .m_axis_tlast(out_last),
      .s_axi_awvalid(awvalid),
      .s_axi_awready(awready),
      .s_axi_awaddr(awaddr),
      .s_axi_awprot(3'd0),
      .s_axi_wvalid(wvalid),
      .s_axi_wready(wready),
      .s_axi_wdata(wdata),
      .s_axi_wstrb(4'hf),
      .s_axi_bvalid(bvalid),
      .s_axi_bready(bready),
      .s_axi_bresp(bresp),
      .s_axi_arvalid(arvalid),
      .s_axi_arready(arready),
      .s_axi_araddr(araddr),
      .s_axi_arprot(3'd0),
      .s_axi_rvalid(rvalid),
      .s_axi_rready(rready),
      .s_axi_rdata(rdata),
      .s_axi_rresp(rresp)
  );
endmodule

`default_nettype wire
