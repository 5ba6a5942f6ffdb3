// Fills a map from a stream of activations, channel by channel, row by row, PX_LANES pixels a word.
`default_nettype none

module loader #(
    parameter PX_LANES = 8,
    parameter PIXEL_WIDTH = 3,
    parameter COUNT_WIDTH = 16,
    parameter MAP_ADDRESS_WIDTH = 9
) (
    input  wire                         clk,
    input  wire                         rst,
    // start; running falls when the last word is written
    input  wire                         start,
    input  wire [      COUNT_WIDTH-1:0] words,
    output reg                          running,
    // stream in
    input  wire                         s_axis_tvalid,
    output wire                         s_axis_tready,
    input  wire [                 31:0] s_axis_tdata,
    // write port of the map
    output reg                          write_enable,
    output reg  [MAP_ADDRESS_WIDTH-1:0] write_address,
    output reg  [      PX_LANES*32-1:0] write_data
);
  localparam LAST_PIXEL = PX_LANES - 1;

  reg receiving;
  reg [PIXEL_WIDTH-1:0] pixel;
  reg [COUNT_WIDTH-1:0] words_left;
  wire beat = receiving && s_axis_tvalid;
  wire word_end = beat && pixel == LAST_PIXEL[PIXEL_WIDTH-1:0];

  assign s_axis_tready = receiving;

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
      write_address <= 0;
    end else begin
      if (beat) begin
        pixel <= pixel + 1'b1;
        write_data <= {s_axis_tdata, write_data[PX_LANES*32-1:32]};
      end
      if (word_end) words_left <= words_left - 1'b1;
      if (write_enable) write_address <= write_address + 1'b1;
    end
endmodule

`default_nettype wire
