// OC_LANES x PX_LANES multiply-accumulate lanes: pixels share each weight, output channels share each activation. Finished
// sums are read one a cycle, selected by channel lane and pixel, two cycles after the selection.
`default_nettype none

module mac_array #(
    parameter OC_LANES   = 2,
    parameter PX_LANES   = 8,
    parameter LANE_WIDTH = 1,  // of an index of OC_LANES, at least 1
    parameter PIXEL_WIDTH = 3,  // of an index of PX_LANES, at least 1
    parameter ACTIVATION_WIDTH = 32,
    parameter WEIGHT_WIDTH = 25,
    parameter MAC_DSPS = 2  // of each lane, see mac_lane
) (
    input  wire                                 clk,
    // operands; lane i of each in the i-th lowest bits
    input  wire [    OC_LANES*WEIGHT_WIDTH-1:0] weights,
    input  wire [PX_LANES*ACTIVATION_WIDTH-1:0] activations,
    // control, see mac_lane: two cycles after the operands; finish: a cycle after the last of them
    input  wire                                 accumulate,
    input  wire                                 restart,
    input  wire                                 finish,
    // read port of the finished sums
    input  wire                                 read_enable,
    input  wire [               LANE_WIDTH-1:0] read_lane,
    input  wire [              PIXEL_WIDTH-1:0] read_pixel,
    output reg  [              MAC_DSPS*48-1:0] read_sum
);
  localparam SUM_WIDTH = MAC_DSPS * 48;

  // The A and B registers of the DSPs, one copy in each once mapped.
  reg [OC_LANES*WEIGHT_WIDTH-1:0] weights_q;
  reg [PX_LANES*ACTIVATION_WIDTH-1:0] activations_q;

  reg [OC_LANES*SUM_WIDTH-1:0] lane_sums;  // of the selected pixel
  reg [LANE_WIDTH-1:0] lane;
  wire [SUM_WIDTH-1:0] selected;

  always @(posedge clk) begin
    weights_q <= weights;
    activations_q <= activations;
    if (read_enable) begin
      lane <= read_lane;
      read_sum <= selected;
    end
  end

  select #(
      .WIDTH(SUM_WIDTH),
      .COUNT(OC_LANES),
      .INDEX_WIDTH(LANE_WIDTH)
  ) select_lane (
      .words(lane_sums),
      .index(lane),
      .out(selected)
  );

  genvar i, j;
  generate
    for (i = 0; i < OC_LANES; i = i + 1) begin : channel
      wire signed [WEIGHT_WIDTH-1:0] weight = weights_q[WEIGHT_WIDTH*i+:WEIGHT_WIDTH];
      wire [PX_LANES*SUM_WIDTH-1:0] sums;

      for (j = 0; j < PX_LANES; j = j + 1) begin : pixel
        mac_lane #(
            .ACTIVATION_WIDTH(ACTIVATION_WIDTH),
            .WEIGHT_WIDTH(WEIGHT_WIDTH),
            .DSPS(MAC_DSPS)
        ) lane (
            .clk(clk),
            .weight(weight),
            .activation(activations_q[ACTIVATION_WIDTH*j+:ACTIVATION_WIDTH]),
            .accumulate(accumulate),
            .restart(restart),
            .finish(finish),
            .sum(sums[SUM_WIDTH*j+:SUM_WIDTH])
        );
      end

      wire [SUM_WIDTH-1:0] sum;
      select #(
          .WIDTH(SUM_WIDTH),
          .COUNT(PX_LANES),
          .INDEX_WIDTH(PIXEL_WIDTH)
      ) select_pixel (
          .words(sums),
          .index(read_pixel),
          .out(sum)
      );

      always @(posedge clk) if (read_enable) lane_sums[SUM_WIDTH*i+:SUM_WIDTH] <= sum;
    end
  endgenerate
endmodule

`default_nettype wire
