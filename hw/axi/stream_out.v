// AXI4-Stream behind the engine: a register stage, and TLAST on the last beat of every packet of so many images. The stage
// outlives a reset of the engine, so that a word once offered stays offered until it is taken.
`default_nettype none

module stream_out #(
    parameter BEATS = 4096  // of an image
) (
    input  wire        clk,
    input  wire        rst,
    // of the engine: the next word is the first one of an image and of a packet
    input  wire        engine_rst,
    // at least 1
    input  wire [31:0] images_per_packet,
    // the engine's stream
    input  wire        valid,
    output wire        ready,
    input  wire [31:0] data,
    // AXI4-Stream
    output reg         m_axis_tvalid,
    input  wire        m_axis_tready,
    output reg  [31:0] m_axis_tdata,
    output wire [ 3:0] m_axis_tkeep,
    output reg         m_axis_tlast
);
  localparam WIDTH = BEATS > 1 ? $clog2(BEATS) : 1;
  localparam LAST_BEAT = BEATS - 1;

  reg [WIDTH-1:0] beat;
  reg [31:0] image;  // of the packet
  wire image_end = beat == LAST_BEAT[WIDTH-1:0];
  // not equal: the packets may have become shorter
  wire packet_end = image_end && image + 1'b1 >= images_per_packet;
  wire transfer = valid && ready;

  assign ready = !engine_rst && (!m_axis_tvalid || m_axis_tready);
  assign m_axis_tkeep = 4'hf;

  always @(posedge clk)
    if (rst) m_axis_tvalid <= 1'b0;
    else if (transfer) m_axis_tvalid <= 1'b1;
    else if (m_axis_tready) m_axis_tvalid <= 1'b0;

  always @(posedge clk)
    if (rst || engine_rst) begin
      beat  <= 0;
      image <= 0;
    end else if (transfer) begin
      beat <= image_end ? 0 : beat + 1'b1;
      if (packet_end) image <= 0;
      else if (image_end) image <= image + 1'b1;
    end

  always @(posedge clk)
    if (transfer) begin
      m_axis_tdata <= data;
      m_axis_tlast <= packet_end;
    end
endmodule

`default_nettype wire
