// Rounding and saturation against 128-bit arithmetic, for the three shapes the engine uses and a narrow one.
`default_nettype none

module requantize_tb;
  localparam SHAPES = 4;
  wire [SHAPES-1:0] finished;

  requantize_check #(.IN_WIDTH(65), .SHIFT(20), .OUT_WIDTH(32)) sums (.finished(finished[0]));
  requantize_check #(.IN_WIDTH(64), .SHIFT(20), .OUT_WIDTH(32)) products (.finished(finished[1]));
  requantize_check #(.IN_WIDTH(32), .SHIFT(0), .OUT_WIDTH(32)) values (.finished(finished[2]));
  requantize_check #(.IN_WIDTH(12), .SHIFT(3), .OUT_WIDTH(8)) narrow (.finished(finished[3]));

  initial begin
    wait (&finished);
    $display("PASS: %0d shapes", SHAPES);
    $finish;
  end
endmodule

module requantize_check #(
    parameter IN_WIDTH  = 64,
    parameter SHIFT     = 20,
    parameter OUT_WIDTH = 32
) (
    output reg finished
);
  localparam CHECKS = 20000;

  reg clk = 1'b0;
  always #5 clk = !clk;

  reg signed [IN_WIDTH-1:0] value;
  reg signed [OUT_WIDTH-1:0] addend;
  wire signed [OUT_WIDTH-1:0] out;
  wire clipped;

  requantize #(
      .IN_WIDTH (IN_WIDTH),
      .SHIFT    (SHIFT),
      .OUT_WIDTH(OUT_WIDTH)
  ) dut (
      .clk(clk),
      .enable(1'b1),
      .value(value),
      .addend(addend),
      .out(out),
      .clipped(clipped)
  );

  reg signed [127:0] exact, half, largest, smallest;
  reg signed [127:0] random_bits;
  integer n;

  initial begin
    finished = 1'b0;
    half = SHIFT == 0 ? 0 : 128'sd1 <<< (SHIFT - 1);
    largest = (128'sd1 <<< (OUT_WIDTH - 1)) - 1;
    smallest = -(128'sd1 <<< (OUT_WIDTH - 1));
    for (n = 0; n < CHECKS; n = n + 1) begin
      random_bits = {$random, $random, $random, $random};
      value = random_bits;
      addend = $random;
      case (n & 7)
        0: value = value >>> (n % IN_WIDTH);  // all magnitudes
        1: value = {1'b1, {(IN_WIDTH - 1) {1'b0}}};
        2: value = {1'b0, {(IN_WIDTH - 1) {1'b1}}};
        3: value = (largest <<< SHIFT) + ($random % 4) * half;  // around the edges of the result
        4: value = (smallest <<< SHIFT) + ($random % 4) * half;
        5: value = ($random % 64) * half;  // exact halves of both signs
        default: ;
      endcase
      case (n & 24)
        0: addend = 0;
        8: addend = largest;
        16: addend = smallest;
        default: ;
      endcase
      exact = value;
      exact = (exact + half) >>> SHIFT;
      exact = exact + addend;
      @(posedge clk);
      #1 value = ~value;  // neither operand may be read later
      addend = ~addend;
      @(posedge clk);
      #1;
      if (clipped !== (exact > largest || exact < smallest)) $fatal(1, "FAIL: check %0d of %m: clipped %b", n, clipped);
      if (exact > largest) exact = largest;
      if (exact < smallest) exact = smallest;
      if (out !== exact[OUT_WIDTH-1:0]) $fatal(1, "FAIL: check %0d of %m: %0d, expected %0d", n, out, exact);
    end
    finished = 1'b1;
  end
endmodule

`default_nettype wire
