// Multiply-accumulate lanes against 64-bit arithmetic: random and extreme operands, sums of random length, pauses; in two DSPs
// of the widest operands and of narrow ones, in one of those that just fit it.
`default_nettype none

module mac_lane_tb;
  localparam LANES = 5;
  wire [LANES-1:0] finished;

  mac_lane_check #(.ACTIVATION_WIDTH(32), .WEIGHT_WIDTH(25), .DSPS(2)) widest (.finished(finished[0]));
  mac_lane_check #(.ACTIVATION_WIDTH(16), .WEIGHT_WIDTH(8), .DSPS(2)) narrow (.finished(finished[1]));
  mac_lane_check #(.ACTIVATION_WIDTH(16), .WEIGHT_WIDTH(16), .DSPS(1)) one (.finished(finished[2]));
  mac_lane_check #(.ACTIVATION_WIDTH(18), .WEIGHT_WIDTH(25), .DSPS(1)) wide_weight (.finished(finished[3]));
  mac_lane_check #(.ACTIVATION_WIDTH(25), .WEIGHT_WIDTH(18), .DSPS(1)) wide_activation (.finished(finished[4]));

  initial begin
    wait (&finished);
    $display("PASS: %0d lanes", LANES);
    $finish;
  end
endmodule

module mac_lane_check #(
    parameter ACTIVATION_WIDTH = 32,
    parameter WEIGHT_WIDTH = 25,
    parameter DSPS = 2
) (
    output reg finished
);
  localparam SUMS = 300;

  reg clk = 1'b0;
  always #5 clk = !clk;

  reg signed [WEIGHT_WIDTH-1:0] weight;
  reg signed [ACTIVATION_WIDTH-1:0] activation;
  reg accumulate = 1'b0, restart = 1'b0, finish = 1'b0;
  wire [DSPS*48-1:0] found;

  mac_lane #(
      .ACTIVATION_WIDTH(ACTIVATION_WIDTH),
      .WEIGHT_WIDTH(WEIGHT_WIDTH),
      .DSPS(DSPS)
  ) dut (
      .clk(clk),
      .weight(weight),
      .activation(activation),
      .accumulate(accumulate),
      .restart(restart),
      .finish(finish),
      .sum(found)
  );

  wire signed [63:0] joined;
  generate
    if (DSPS == 1) assign joined = {{16{found[47]}}, found};
    else assign joined = ({{16{found[95]}}, found[95:48]} <<< 17) + {{16{found[47]}}, found[47:0]};
  endgenerate

  reg signed [63:0] expected, sum;
  reg signed [63:0] wide_weight, wide_activation;
  integer n, k, length;

  task choose;
    begin
      case ($random & 3)
        0: activation = {1'b1, {(ACTIVATION_WIDTH - 1) {1'b0}}};
        1: activation = {1'b0, {(ACTIVATION_WIDTH - 1) {1'b1}}};
        default: activation = $random;
      endcase
      case ($random & 3)
        0: weight = {1'b1, {(WEIGHT_WIDTH - 1) {1'b0}}};
        1: weight = {1'b0, {(WEIGHT_WIDTH - 1) {1'b1}}};
        default: weight = $random;
      endcase
    end
  endtask

  initial begin
    finished = 1'b0;
    for (n = 0; n <= SUMS; n = n + 1) begin
      length = 1 + ($random & 31);  // times the largest products stays below the bounds
      for (k = 0; k < length; k = k + 1) begin
        @(negedge clk);
        choose;
        accumulate = 1'b0;
        restart = 1'b0;
        finish = 1'b0;
        @(negedge clk);  // the product is registered: a pause in between
        accumulate = 1'b1;
        restart = k == 0;
        finish = k == 0;  // the sum before this one, in the cycle in which the new one begins
        @(posedge clk);
        #1;
        if (k == 0) begin
          if (n > 0 && joined !== expected) $fatal(1, "FAIL: sum %0d of %m is %0d, expected %0d", n, joined, expected);
          sum = 0;
        end
        wide_weight = weight;
        wide_activation = activation;
        sum = sum + wide_weight * wide_activation;
      end
      expected = sum;
    end
    finished = 1'b1;
  end
endmodule

`default_nettype wire
