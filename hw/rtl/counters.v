// Counts the cycles of each phase of an image and its saturations; holds them for the host until the next image is done.
`default_nettype none

module counters (
    input  wire        clk,
    input  wire        rst,
    // this cycle
    input  wire        loading,
    input  wire        computing,
    input  wire        storing,
    input  wire [ 2:0] clips,
    input  wire        done,       // of the image
    // the last finished image
    output reg  [31:0] load_cycles,
    output reg  [31:0] compute_cycles,
    output reg  [31:0] store_cycles,
    output reg  [31:0] saturations,
    output reg         valid       // one cycle, with the first cycle of new values
);
  reg [31:0] load_count, compute_count, store_count, clip_count;

  always @(posedge clk)
    if (rst) begin
      load_count <= 0;
      compute_count <= 0;
      store_count <= 0;
      clip_count <= 0;
      load_cycles <= 0;
      compute_cycles <= 0;
      store_cycles <= 0;
      saturations <= 0;
      valid <= 1'b0;
    end else begin
      valid <= done;
      if (done) begin
        load_cycles <= load_count;
        compute_cycles <= compute_count;
        store_cycles <= store_count;
        saturations <= clip_count;
        load_count <= 0;
        compute_count <= 0;
        store_count <= 0;
        clip_count <= 0;
      end else begin
        if (loading) load_count <= load_count + 1'b1;
        if (computing) compute_count <= compute_count + 1'b1;
        if (storing) store_count <= store_count + 1'b1;
        clip_count <= clip_count + {29'd0, clips};
      end
    end
endmodule

`default_nettype wire
