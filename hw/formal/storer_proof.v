// The storer's stream: what is valid stays put until it is taken, and a run sends words * PX_LANES beats, or with `single` as many
// as words, no more.
`default_nettype none

module storer_proof #(
    parameter PX_LANES = 2,
    parameter PIXEL_WIDTH = 1
) (
    input wire                   clk,
    input wire                   rst,
    input wire                   start,
    input wire [            3:0] words,
    input wire                   single,
    input wire [PX_LANES*32-1:0] read_data,
    input wire                   m_axis_tready
);
  wire running, read_enable, m_axis_tvalid;
  wire [3:0] read_address;
  wire [31:0] m_axis_tdata;
  storer #(
      .PX_LANES(PX_LANES),
      .PIXEL_WIDTH(PIXEL_WIDTH),
      .COUNT_WIDTH(4),
      .MAP_ADDRESS_WIDTH(4)
  ) dut (
      .clk(clk),
      .rst(rst),
      .start(start),
      .base(4'd0),
      .words(words),
      .single(single),
      .running(running),
      .read_enable(read_enable),
      .read_address(read_address),
      .read_data(read_data),
      .m_axis_tvalid(m_axis_tvalid),
      .m_axis_tready(m_axis_tready),
      .m_axis_tdata(m_axis_tdata)
  );

  // Registers of the storer: Yosys joins them by their names when it flattens.
  (* hierconn *) wire [3:0] \dut.words_left ;
  (* hierconn *) wire [PIXEL_WIDTH-1:0] \dut.pixel ;
  (* hierconn *) wire \dut.fetched ;

  reg started = 1'b0;  // the first cycle resets
  reg held = 1'b0;
  reg [31:0] held_data;
  reg [7:0] left = 0;  // beats that are still to come
  reg single_before = 1'b0;
  wire [7:0] word_beats = single ? 1 : PX_LANES;
  always @(posedge clk) begin
    started <= 1'b1;
    held <= !rst && m_axis_tvalid && !m_axis_tready;
    held_data <= m_axis_tdata;
    single_before <= single;
    if (rst) left <= 0;
    else if (start) left <= words * word_beats;
    else if (m_axis_tvalid && m_axis_tready) left <= left - 1'b1;
  end

  always @* begin
    assume (started || rst);
    assume (!start || (!running && words != 0));  // as the sequencer starts it
    assume (!running || single == single_before);
    if (started) begin
      if (held) assert (m_axis_tvalid && m_axis_tdata == held_data);
      if (m_axis_tvalid) assert (running && left != 0);
      if (!running) assert (left == 0 && !m_axis_tvalid && !\dut.fetched );
      // what is counted: words not read, one read, the pixels of the one in the output register
      if (running)
        assert (left == \dut.words_left * word_beats + (\dut.fetched ? word_beats : 0) +
                (m_axis_tvalid ? word_beats - \dut.pixel  : 0));
    end
  end
endmodule

`default_nettype wire
