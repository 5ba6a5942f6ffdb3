// Quotients against 128-bit arithmetic in the width and with the numbers of zeros that online norms use: all magnitudes, exact
// halves of both signs, both ends of the range, back to back, and after a start or a reset in mid-run.
`default_nettype none

module divide_tb;
  localparam CHECKS = 6000;

  reg clk = 1'b0;
  always #5 clk = !clk;

  reg rst = 1'b1, start = 1'b0, negative;
  reg [47:0] numerator, divisor;
  reg [6:0] zeros;
  wire busy, clipped;
  wire signed [31:0] quotient;

  divide dut (
      .clk(clk),
      .rst(rst),
      .start(start),
      .negative(negative),
      .numerator(numerator),
      .zeros(zeros),
      .divisor(divisor),
      .busy(busy),
      .quotient(quotient),
      .clipped(clipped)
  );

  reg signed [127:0] exact, a, b, twice;
  reg [47:0] random_bits;
  integer n, cycles, places, halves, clips;

  initial begin
    halves = 0;
    clips = 0;
    repeat (3) @(posedge clk);
    #1 rst = 1'b0;
    for (n = 0; n < CHECKS; n = n + 1) begin
      random_bits = {$random, $random};
      numerator = random_bits >> ($random & 31);
      random_bits = {$random, $random};
      divisor = random_bits >> (n % 48);
      if (divisor == 0) divisor = 1;
      places = n % 5 == 0 ? 0 : n % 32;
      negative = $random;
      case (n & 7)
        1: begin  // halves
          divisor = {divisor[39:1], 1'b0};
          if (divisor == 0) divisor = 2;
          numerator = (divisor >> 1) * (2 * (n & 255) + 1);
          places = 0;
        end
        2: begin  // near the ends of the range: 2^31 times the divisor
          divisor = {32'd0, divisor[15:0]};
          if (divisor == 0) divisor = 3;
          numerator = (divisor << 31) + ($random % 3) * (divisor >> 1);
          places = 0;
        end
        3: numerator = 0;
        default: ;
      endcase
      if (n % 16 == 9) begin  // left alone or reset after some steps
        start = 1'b1;
        zeros = 20;
        @(posedge clk) #1 start = 1'b0;
        repeat (n % 71) @(posedge clk);
        #1 rst = n[4];
        @(posedge clk) #1 rst = 1'b0;
      end
      a = {80'd0, numerator} << places;
      if (negative) a = -a;
      b = {80'd0, divisor};
      start = 1'b1;
      zeros = places;
      @(posedge clk) #1 start = 1'b0;
      cycles = 0;
      while (busy) begin
        @(posedge clk) #1 cycles = cycles + 1;
        divisor = ~divisor;  // no operand may be read later
        numerator = ~numerator;
        negative = !negative;
      end
      if (cycles !== 48 + places + 2) $fatal(1, "FAIL: check %0d: %0d cycles", n, cycles);
      // floor((2 a + b) / 2 b)
      twice = 2 * a + b;
      exact = twice / (2 * b);
      if (twice < 0 && exact * 2 * b != twice) exact = exact - 1;
      if (twice == exact * 2 * b) halves = halves + 1;
      if (clipped !== (exact > 128'sd2147483647 || exact < -128'sd2147483648))
        $fatal(1, "FAIL: check %0d: clipped %b of %0d", n, clipped, exact);
      if (exact > 128'sd2147483647) exact = 128'sd2147483647;
      if (exact < -128'sd2147483648) exact = -128'sd2147483648;
      clips = clips + clipped;
      if (quotient !== exact[31:0]) $fatal(1, "FAIL: check %0d: %0d, expected %0d", n, quotient, exact);
    end
    if (halves < 100 || clips < 100) $fatal(1, "FAIL: only %0d halves, %0d out of range", halves, clips);
    $display("PASS: %0d quotients, %0d halves, %0d out of range", CHECKS, halves, clips);
    $finish;
  end
endmodule

`default_nettype wire
