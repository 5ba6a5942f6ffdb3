// One multiply-accumulate lane against 64-bit arithmetic: random and extreme operands, sums of random length, pauses.
`default_nettype none

module mac_lane_tb;
  localparam SUMS = 300;

  reg clk = 1'b0;
  always #5 clk = !clk;

  reg signed [24:0] weight;
  reg signed [31:0] activation;
  reg accumulate = 1'b0, restart = 1'b0, finish = 1'b0;
  wire signed [47:0] low, high;

  mac_lane dut (
      .clk(clk),
      .weight(weight),
      .activation(activation),
      .accumulate(accumulate),
      .restart(restart),
      .finish(finish),
      .low(low),
      .high(high)
  );

  reg signed [63:0] expected, sum, joined;
  reg signed [63:0] wide_weight, wide_activation;
  integer n, k, length;

  task choose;
    begin
      case ($random & 3)
        0: activation = 32'h80000000;
        1: activation = 32'h7fffffff;
        default: activation = $random;
      endcase
      case ($random & 3)
        0: weight = -25'sd16777216;
        1: weight = 25'sd16777215;
        default: weight = $random;
      endcase
    end
  endtask

  initial begin
    for (n = 0; n <= SUMS; n = n + 1) begin
      length = 1 + ($random & 31);  // times 2^24 stays below the bound
      for (k = 0; k < length; k = k + 1) begin
        @(negedge clk);
        choose;
        accumulate = 1'b0;
        finish = 1'b0;
        @(negedge clk);  // the product is registered: a pause in between
        accumulate = 1'b1;
        restart = k == 0;
        finish = k == 0;  // the sum before this one, in the cycle in which the new one begins
        @(posedge clk);
        #1;
        if (k == 0) begin
          joined = high;
          joined = (joined <<< 17) + low;
          if (n > 0 && joined !== expected) $fatal(1, "FAIL: sum %0d is %0d, expected %0d", n, joined, expected);
          sum = 0;
        end
        wide_weight = weight;
        wide_activation = activation;
        sum = sum + wide_weight * wide_activation;
      end
      expected = sum;
    end
    $display("PASS: %0d sums", SUMS);
    $finish;
  end
endmodule

`default_nettype wire
