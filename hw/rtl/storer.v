// Sends a map as a stream of activations, channel by channel, row by row, without a gap between words. Beats are
// 32 bits, an activation of WIDTH bits is sign-extended. With `single` a word is one beat, its lowest 32 bits.
`default_nettype none

module storer #(
    parameter WIDTH = 32,
    parameter PX_LANES = 8,
    parameter PIXEL_WIDTH = 3,
    parameter COUNT_WIDTH = 16,
    parameter MAP_ADDRESS_WIDTH = 9
) (
    input  wire                         clk,
    input  wire                         rst,
    // start; running falls when the last activation is taken
    input  wire                         start,
    input  wire [MAP_ADDRESS_WIDTH-1:0] base,
    input  wire [      COUNT_WIDTH-1:0] words,
    input  wire                         single,         // stays put while running
    output reg                          running,
    // read port of the map: word one enabled cycle after its address
    output wire                         read_enable,
    output wire [MAP_ADDRESS_WIDTH-1:0] read_address,
    input  wire [   PX_LANES*WIDTH-1:0] read_data,
    // stream out
    output reg                          m_axis_tvalid,
    input  wire                         m_axis_tready,
    output wire [                 31:0] m_axis_tdata
);
  localparam LAST_PIXEL = PX_LANES - 1;

  reg fetched;  // read_data is the next word
  reg [PIXEL_WIDTH-1:0] pixel;
  reg [COUNT_WIDTH-1:0] words_left;  // not yet read
  reg [MAP_ADDRESS_WIDTH-1:0] address;
  reg [PX_LANES*WIDTH-1:0] word;
  wire [PX_LANES*WIDTH-1:0] pushed;
  wire beat = m_axis_tvalid && m_axis_tready;
  wire word_end = beat && (single || pixel == LAST_PIXEL[PIXEL_WIDTH-1:0]);
  wire take = fetched && (!m_axis_tvalid || word_end);

  assign read_enable  = running && words_left != 0 && (!fetched || take);
  assign read_address = address;
  generate
    if (WIDTH == 32) assign m_axis_tdata = word[31:0];
    else begin : narrow
      wire [31:WIDTH] sign = {(32 - WIDTH) {word[WIDTH-1]}};
      if (PX_LANES * WIDTH < 32) assign m_axis_tdata = {sign, word[WIDTH-1:0]};
      else assign m_axis_tdata = {single ? word[31:WIDTH] : sign, word[WIDTH-1:0]};
    end
  endgenerate

  push #(
      .WIDTH(WIDTH),
      .COUNT(PX_LANES)
  ) move_down (
      .words(word),
      .in({WIDTH{1'b0}}),
      .out(pushed)
  );

  always @(posedge clk)
    if (rst) begin
      running <= 1'b0;
      fetched <= 1'b0;
      m_axis_tvalid <= 1'b0;
    end else begin
      fetched <= read_enable || (fetched && !take);
      if (start) running <= 1'b1;
      else if (word_end && !fetched && words_left == 0) running <= 1'b0;
      if (take) m_axis_tvalid <= 1'b1;
      else if (word_end) m_axis_tvalid <= 1'b0;
    end

  always @(posedge clk)
    if (start) begin
      words_left <= words;
      address <= base;
    end else if (read_enable) begin
      words_left <= words_left - 1'b1;
      address <= address + 1'b1;
    end

  always @(posedge clk)
    if (take) begin
      word  <= read_data;
      pixel <= 0;
    end else if (beat) begin
      word  <= pushed;
      pixel <= pixel + 1'b1;
    end
endmodule

`default_nettype wire
