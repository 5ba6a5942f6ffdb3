// OC_LANES x PX_LANES multiply-accumulate lanes: pixels share each weight, output channels share each activation. Finished
// sums are read one a cycle, selected by channel lane and pixel, two cycles after the selection.
`default_nettype none

module mac_array #(
    parameter OC_LANES   = 2,
    parameter PX_LANES   = 8,
    parameter LANE_WIDTH = 1,  // of an index of OC_LANES, at least 1
    parameter PIXEL_WIDTH = 3  // of an index of PX_LANES, at least 1
) (
    input  wire                    clk,
    // operands; lane i of each in the i-th lowest bits
    input  wire [OC_LANES*25-1:0]  weights,
    input  wire [PX_LANES*32-1:0]  activations,
    // control, see mac_lane: two cycles after the operands; finish: a cycle after the last of them
    input  wire                    accumulate,
    input  wire                    restart,
    input  wire                    finish,
    // read port of the finished sums
    input  wire                    read_enable,
    input  wire [ LANE_WIDTH-1:0]  read_lane,
    input  wire [PIXEL_WIDTH-1:0]  read_pixel,
    output reg signed [47:0]       read_low,
    output reg signed [47:0]       read_high
);
  // The A and B registers of the DSPs, one copy in each once mapped.
  reg [OC_LANES*25-1:0] weights_q;
  reg [PX_LANES*32-1:0] activations_q;

  reg [OC_LANES*48-1:0] lane_low, lane_high;  // of the selected pixel
  reg [LANE_WIDTH-1:0] lane;

  always @(posedge clk) begin
    weights_q <= weights;
    activations_q <= activations;
    if (read_enable) begin
      lane <= read_lane;
      read_low <= selected_low;
      read_high <= selected_high;
    end
  end

  wire [47:0] selected_low, selected_high;
  select #(
      .WIDTH(48),
      .COUNT(OC_LANES),
      .INDEX_WIDTH(LANE_WIDTH)
  ) select_lane_low (
      .words(lane_low),
      .index(lane),
      .out(selected_low)
  );
  select #(
      .WIDTH(48),
      .COUNT(OC_LANES),
      .INDEX_WIDTH(LANE_WIDTH)
  ) select_lane_high (
      .words(lane_high),
      .index(lane),
      .out(selected_high)
  );

  genvar i, j;
  generate
    for (i = 0; i < OC_LANES; i = i + 1) begin : channel
      wire signed [24:0] weight = weights_q[25*i+:25];
      wire [PX_LANES*48-1:0] lows, highs;

      for (j = 0; j < PX_LANES; j = j + 1) begin : pixel
        mac_lane lane (
            .clk(clk),
            .weight(weight),
            .activation(activations_q[32*j+:32]),
            .accumulate(accumulate),
            .restart(restart),
            .finish(finish),
            .low(lows[48*j+:48]),
            .high(highs[48*j+:48])
        );
      end

      wire [47:0] low, high;
      select #(
          .WIDTH(48),
          .COUNT(PX_LANES),
          .INDEX_WIDTH(PIXEL_WIDTH)
      ) select_low (
          .words(lows),
          .index(read_pixel),
          .out(low)
      );
      select #(
          .WIDTH(48),
          .COUNT(PX_LANES),
          .INDEX_WIDTH(PIXEL_WIDTH)
      ) select_high (
          .words(highs),
          .index(read_pixel),
          .out(high)
      );

      always @(posedge clk)
        if (read_enable) begin
          lane_low[48*i+:48]  <= low;
          lane_high[48*i+:48] <= high;
        end
    end
  endgenerate
endmodule

`default_nettype wire
