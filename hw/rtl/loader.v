// Fills a map from a stream of activations, channel by channel, row by row, PX_LANES pixels a word. An activation is
// the lowest WIDTH bits of a beat.
`default_nettype none

module loader #(
    parameter WIDTH = 32,
    parameter PX_LANES = 8,
    parameter PIXEL_WIDTH = 3,
    parameter COUNT_WIDTH = 16,
    parameter MAP_ADDRESS_WIDTH = 9
) (
    input  wire                         clk,
    input  wire                         rst,
    // start; running falls when the last word is written
    input  wire                         start,
    input  wire [MAP_ADDRESS_WIDTH-1:0] base,
    input  wire [      COUNT_WIDTH-1:0] words,
    output reg                          running,
    // stream in
    input  wire                         s_axis_tvalid,
    output wire                         s_axis_tready,
    /* verilator lint_off UNUSEDSIGNAL */
    input  wire [                 31:0] s_axis_tdata,
    /* verilator lint_on UNUSEDSIGNAL */
    // write port of the map
    output reg                          write_enable,
    output reg  [MAP_ADDRESS_WIDTH-1:0] write_address,
    output reg  [   PX_LANES*WIDTH-1:0] write_data
);
  localparam LAST_PIXEL = PX_LANES - 1;

  reg receiving;
  reg [PIXEL_WIDTH-1:0] pixel;
  reg [COUNT_WIDTH-1:0] words_left;
  wire [PX_LANES*WIDTH-1:0] pushed;
  wire beat = receiving && s_axis_tvalid;
  wire last_pixel = pixel == LAST_PIXEL[PIXEL_WIDTH-1:0];
  wire word_end = beat && last_pixel;

  assign s_axis_tready = receiving;

  push #(
      .WIDTH(WIDTH),
      .COUNT(PX_LANES)
  ) collect (
      .words(write_data),
      .in(s_axis_tdata[WIDTH-1:0]),
      .out(pushed)
  );

  always @(posedge clk)
    if (rst) begin
      running <= 1'b0;
      receiving <= 1'b0;
      write_enable <= 1'b0;
    end else begin
      write_enable <= word_end;
      if (start) begin
        running   <= 1'b1;
        receiving <= 1'b1;
      end else if (word_end && words_left == 1) receiving <= 1'b0;
      else if (!receiving) running <= 1'b0;
    end

  always @(posedge clk)
    if (start) begin
      pixel <= 0;
      words_left <= words;
      write_address <= base;
    end else begin
      if (beat) begin
        pixel <= last_pixel ? 0 : pixel + 1'b1;
        write_data <= pushed;
      end
      if (word_end) words_left <= words_left - 1'b1;
      if (write_enable) write_address <= write_address + 1'b1;
    end
endmodule

`default_nettype wire
