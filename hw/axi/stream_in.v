// AXI4-Stream in front of the engine. An image is its first BEATS beats, whatever TLAST says: a transfer may hold several
// images. A TLAST on another beat than an image's last one and a beat without all its bytes are reported and go through.
`default_nettype none

module stream_in #(
    parameter BEATS = 4096  // of an image
) (
    input  wire        clk,
    input  wire        rst,
    // no image begins while it is low
    input  wire        enable,
    // AXI4-Stream
    input  wire        s_axis_tvalid,
    output wire        s_axis_tready,
    input  wire [31:0] s_axis_tdata,
    input  wire [ 3:0] s_axis_tkeep,
    input  wire        s_axis_tlast,
    // the engine's stream
    output wire        valid,
    input  wire        ready,
    output wire [31:0] data,
    // one cycle
    output wire        error
);
  localparam WIDTH = BEATS > 1 ? $clog2(BEATS) : 1;
  localparam LAST_BEAT = BEATS - 1;

  reg begun;  // an image, and not ended
  reg [WIDTH-1:0] beat;
  wire open = !rst && (enable || begun);
  wire last = beat == LAST_BEAT[WIDTH-1:0];
  wire transfer = s_axis_tvalid && s_axis_tready;

  assign valid = s_axis_tvalid && open;
  assign s_axis_tready = ready && open;
  assign data = s_axis_tdata;
  assign error = transfer && (s_axis_tlast && !last || !(&s_axis_tkeep));

  always @(posedge clk)
    if (rst) begin
      begun <= 1'b0;
      beat   <= 0;
    end else if (transfer) begin
      begun <= !last;
      beat   <= last ? 0 : beat + 1'b1;
    end
endmodule

`default_nettype wire
