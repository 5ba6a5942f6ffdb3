// Sends a map as a stream of activations, channel by channel, row by row, without a gap between words.
`default_nettype none

module storer #(
    parameter PX_LANES = 8,
    parameter PIXEL_WIDTH = 3,
    parameter COUNT_WIDTH = 16,
    parameter MAP_ADDRESS_WIDTH = 9
) (
    input  wire                         clk,
    input  wire                         rst,
    // start; running falls when the last activation is taken
    input  wire                         start,
    input  wire [      COUNT_WIDTH-1:0] words,
    output reg                          running,
    // read port of the map: word one cycle after its address
    output reg  [MAP_ADDRESS_WIDTH-1:0] read_address,
    input  wire [      PX_LANES*32-1:0] read_data,
    // stream out
    output reg                          m_axis_tvalid,
    input  wire                         m_axis_tready,
    output wire [                 31:0] m_axis_tdata
);
  localparam LAST_PIXEL = PX_LANES - 1;

  reg fetched;  // read_data belongs to read_address
  reg [PIXEL_WIDTH-1:0] pixel;
  reg [COUNT_WIDTH-1:0] words_left;  // not yet taken from the map
  reg [PX_LANES*32-1:0] word;
  wire beat = m_axis_tvalid && m_axis_tready;
  wire word_end = beat && pixel == LAST_PIXEL[PIXEL_WIDTH-1:0];
  wire take = fetched && words_left != 0 && (!m_axis_tvalid || word_end);

  assign m_axis_tdata = word[31:0];

  always @(posedge clk)
    if (rst) begin
      running <= 1'b0;
      fetched <= 1'b0;
      m_axis_tvalid <= 1'b0;
    end else begin
      fetched <= running && !take;
      if (start) running <= 1'b1;
      else if (word_end && words_left == 0) running <= 1'b0;
      if (take) m_axis_tvalid <= 1'b1;
      else if (word_end) m_axis_tvalid <= 1'b0;
    end

  always @(posedge clk)
    if (start) begin
      words_left   <= words;
      read_address <= 0;
    end else if (take) begin
      words_left <= words_left - 1'b1;
      read_address <= read_address + 1'b1;
      word <= read_data;
      pixel <= 0;
    end else if (beat) begin
      word  <= {32'd0, word[PX_LANES*32-1:32]};
      pixel <= pixel + 1'b1;
    end
endmodule

`default_nettype wire
