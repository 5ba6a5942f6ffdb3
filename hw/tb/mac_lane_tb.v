// Multiply-accumulate lanes against 64-bit arithmetic: random and extreme operands, sums of random length, pauses; in two DSPs
// of the widest operands and of narrow ones, in one of those that just fit it. Then the largest sum of |w| that cannot overflow,
// times the worst activation: exact, and wrong with one more. The bounds are those of engine::lane_bound.
`default_nettype none

module mac_lane_tb;
  localparam LANES = 9;
  wire [LANES-1:0] finished;

  mac_lane_check #(.ACTIVATION_WIDTH(32), .WEIGHT_WIDTH(25), .DSPS(2)) widest (.finished(finished[0]));
  mac_lane_check #(.ACTIVATION_WIDTH(16), .WEIGHT_WIDTH(8), .DSPS(2)) narrow (.finished(finished[1]));
  mac_lane_check #(.ACTIVATION_WIDTH(16), .WEIGHT_WIDTH(16), .DSPS(1)) one (.finished(finished[2]));
  mac_lane_check #(.ACTIVATION_WIDTH(18), .WEIGHT_WIDTH(25), .DSPS(1)) wide_weight (.finished(finished[3]));
  mac_lane_check #(.ACTIVATION_WIDTH(25), .WEIGHT_WIDTH(18), .DSPS(1)) wide_activation (.finished(finished[4]));
  mac_lane_bound #(.ACTIVATION_WIDTH(32), .DSPS(2), .WORST(-1), .BOUND(1073750016)) bound_32 (.finished(finished[5]));
  mac_lane_bound #(.ACTIVATION_WIDTH(16), .DSPS(2), .WORST(-1), .BOUND(1073750016)) bound_16 (.finished(finished[6]));
  mac_lane_bound #(.ACTIVATION_WIDTH(8), .DSPS(2), .WORST(-1), .BOUND(1073750016)) bound_8 (.finished(finished[7]));
  mac_lane_bound #(.ACTIVATION_WIDTH(16), .DSPS(1), .WORST(-32768), .BOUND(64'd4294967295)) bound_one (.finished(finished[8]));

  initial begin
    wait (&finished);
    $display("PASS: %0d lanes", LANES);
    $finish;
  end
endmodule

// A lane whose parts are put together.
module joined_lane #(
    parameter ACTIVATION_WIDTH = 32,
    parameter WEIGHT_WIDTH = 25,
    parameter DSPS = 2
) (
    input wire clk,
    input wire signed [WEIGHT_WIDTH-1:0] weight,
    input wire signed [ACTIVATION_WIDTH-1:0] activation,
    input wire accumulate,
    input wire restart,
    input wire finish,
    output wire signed [63:0] joined
);
  wire [DSPS*48-1:0] found;
  mac_lane #(
      .ACTIVATION_WIDTH(ACTIVATION_WIDTH),
      .WEIGHT_WIDTH(WEIGHT_WIDTH),
      .DSPS(DSPS)
  ) lane (
      .clk(clk),
      .weight(weight),
      .activation(activation),
      .accumulate(accumulate),
      .restart(restart),
      .finish(finish),
      .sum(found)
  );
  generate
    if (DSPS == 1) assign joined = {{16{found[47]}}, found};
    else assign joined = ({{16{found[95]}}, found[95:48]} <<< 17) + {{16{found[47]}}, found[47:0]};
  endgenerate
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

  wire signed [63:0] joined;
  joined_lane #(
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
      .joined(joined)
  );

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

module mac_lane_bound #(
    parameter ACTIVATION_WIDTH = 32,
    parameter DSPS = 2,
    parameter WORST = -1,  // activation
    parameter [63:0] BOUND = 0
) (
    output reg finished
);
  localparam [63:0] LARGEST = (1 << 24) - 1;  // weight of 25 bits

  reg clk = 1'b0;
  always #5 clk = !clk;

  reg signed [24:0] weight;
  reg accumulate = 1'b0, restart = 1'b0, finish = 1'b0;
  wire signed [31:0] worst = WORST;
  wire signed [63:0] joined;
  joined_lane #(
      .ACTIVATION_WIDTH(ACTIVATION_WIDTH),
      .WEIGHT_WIDTH(25),
      .DSPS(DSPS)
  ) dut (
      .clk(clk),
      .weight(weight),
      .activation(worst[ACTIVATION_WIDTH-1:0]),
      .accumulate(accumulate),
      .restart(restart),
      .finish(finish),
      .joined(joined)
  );

  // The sum of weights of one sign, as large as can be.
  reg [63:0] left;
  task total(input [63:0] sum_of_weights, input negative);
    begin
      left = sum_of_weights;
      restart = 1'b1;
      while (left != 0) begin
        weight = left > LARGEST ? LARGEST : left;
        left = left - weight;
        if (negative) weight = -weight;
        accumulate = 1'b0;
        @(negedge clk);
        accumulate = 1'b1;
        @(negedge clk);
        restart = 1'b0;
      end
      accumulate = 1'b0;
      finish = 1'b1;
      @(negedge clk);
      finish = 1'b0;
    end
  endtask

  // -32768 has no counterpart: only its product with a negative weight has the largest magnitude.
  wire signed [63:0] product = $signed(BOUND) * worst;
  initial begin
    finished = 1'b0;
    @(negedge clk);
    total(BOUND, 1'b0);
    if (joined !== product) $fatal(1, "FAIL: %m sums to %0d, expected %0d", joined, product);
    total(BOUND, 1'b1);
    if (joined !== -product) $fatal(1, "FAIL: %m sums to %0d, expected %0d", joined, -product);
    total(BOUND + 1, 1'b1);
    if (joined === -(product + worst)) $fatal(1, "FAIL: %m has a larger bound than %0d", BOUND);
    finished = 1'b1;
  end
endmodule

`default_nettype wire
