// The 32 x 32-bit multiplier against 64-bit arithmetic: every pair of extreme operands, then random ones, one a cycle.
`default_nettype none

module multiplier_tb;
  localparam EDGES = 8, PRODUCTS = 4000, LATENCY = 4;

  reg clk = 1'b0;
  always #5 clk = !clk;

  reg signed [31:0] a, b;
  wire signed [63:0] product;
  multiplier dut (
      .clk(clk),
      .enable(1'b1),
      .a(a),
      .b(b),
      .product(product)
  );

  reg signed [63:0] expected[0:LATENCY];
  reg signed [63:0] wide_a, wide_b;
  integer n, k;

  function [31:0] edge_value(input integer index);
    case (index & (EDGES - 1))
      0: edge_value = 32'h80000000;
      1: edge_value = 32'h7fffffff;
      2: edge_value = 32'hffffffff;
      3: edge_value = 32'h00000001;
      4: edge_value = 32'h0001ffff;  // around the splits at 17 and 24 bits
      5: edge_value = 32'hfffe0000;
      6: edge_value = 32'h00ffffff;
      default: edge_value = 32'hff000000;
    endcase
  endfunction

  initial begin
    for (n = 0; n < PRODUCTS + LATENCY; n = n + 1) begin
      a = n < EDGES * EDGES ? edge_value(n) : $random;
      b = n < EDGES * EDGES ? edge_value(n / EDGES) : $random;
      for (k = LATENCY; k > 0; k = k - 1) expected[k] = expected[k-1];
      wide_a = a;
      wide_b = b;
      expected[0] = wide_a * wide_b;
      @(posedge clk);
      #1;
      if (n >= LATENCY && product !== expected[LATENCY-1])
        $fatal(1, "FAIL: product %0d is %0d, expected %0d", n, product, expected[LATENCY-1]);
    end
    $display("PASS: %0d products", PRODUCTS);
    $finish;
  end
endmodule

`default_nettype wire
