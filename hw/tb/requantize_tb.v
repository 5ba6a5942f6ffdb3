// Rounding and saturation against 128-bit arithmetic, for shapes that the engine uses and two narrow ones.
`default_nettype none

module requantize_tb;
  localparam SHAPES = 7;
  wire [SHAPES-1:0] finished;

  requantize_check #(.IN_WIDTH(65), .SHIFT(20), .OUT_WIDTH(32)) sums (.finished(finished[0]));
  requantize_check #(.IN_WIDTH(64), .SHIFT(20), .OUT_WIDTH(32)) products (.finished(finished[1]));
  requantize_check #(.IN_WIDTH(32), .SHIFT(0), .OUT_WIDTH(32)) values (.finished(finished[2]));
  requantize_check #(.IN_WIDTH(12), .SHIFT(3), .OUT_WIDTH(8)) narrow (.finished(finished[3]));
  requantize_check #(.IN_WIDTH(48), .SHIFT(19), .OUT_WIDTH(32)) short_sums (.finished(finished[4]));
  requantize_check #(.IN_WIDTH(64), .SHIFT(31), .OUT_WIDTH(16), .ADDEND_WIDTH(32), .ADDEND_SHIFT(11)) activations (
      .finished(finished[5])
  );
  requantize_check #(.IN_WIDTH(18), .SHIFT(5), .OUT_WIDTH(6), .ADDEND_WIDTH(9), .ADDEND_SHIFT(1)) halves (
      .finished(finished[6])
  );

  initial begin
    wait (&finished);
    $display("PASS: %0d shapes", SHAPES);
    $finish;
  end
endmodule

module requantize_check #(
    parameter IN_WIDTH  = 64,
    parameter SHIFT     = 20,
    parameter OUT_WIDTH = 32,
    parameter ADDEND_WIDTH = OUT_WIDTH,
    parameter ADDEND_SHIFT = 0
) (
    output reg finished
);
  localparam CHECKS = 20000;

  reg clk = 1'b0;
  always #5 clk = !clk;

  reg signed [IN_WIDTH-1:0] value;
  reg signed [ADDEND_WIDTH-1:0] addend;
  wire signed [OUT_WIDTH-1:0] out;
  wire clipped;

  requantize #(
      .IN_WIDTH (IN_WIDTH),
      .SHIFT    (SHIFT),
      .OUT_WIDTH(OUT_WIDTH),
      .ADDEND_WIDTH(ADDEND_WIDTH),
      .ADDEND_SHIFT(ADDEND_SHIFT)
  ) dut (
      .clk(clk),
      .enable(1'b1),
      .value(value),
      .addend(addend),
      .out(out),
      .clipped(clipped)
  );

  reg signed [127:0] exact, half, largest, smallest, wide_addend;
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
        8: addend = {1'b0, {(ADDEND_WIDTH - 1) {1'b1}}};
        16: addend = {1'b1, {(ADDEND_WIDTH - 1) {1'b0}}};
        default: ;
      endcase
      exact = value;
      wide_addend = addend;
      exact = (exact + (wide_addend <<< (SHIFT - ADDEND_SHIFT)) + half) >>> SHIFT;
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
