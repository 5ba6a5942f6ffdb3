// Square roots of 96-bit values of all magnitudes, squares and their neighbours among them: back to back, and after a start or a
// reset in mid-run.
`default_nettype none

module isqrt_tb;
  localparam WIDTH = 48, CHECKS = 3000;

  reg clk = 1'b0;
  always #5 clk = !clk;

  reg rst = 1'b1, start = 1'b0;
  reg [2*WIDTH-1:0] value;
  wire busy;
  wire [WIDTH-1:0] root;

  isqrt #(
      .WIDTH(WIDTH),
      .COUNT_WIDTH(6)
  ) dut (
      .clk(clk),
      .rst(rst),
      .start(start),
      .value(value),
      .busy(busy),
      .root(root)
  );

  reg [2*WIDTH-1:0] asked;
  reg [2*WIDTH+1:0] square, next_square, near;
  integer n, cycles;

  initial begin
    repeat (3) @(posedge clk);
    #1 rst = 1'b0;
    for (n = 0; n < CHECKS; n = n + 1) begin
      asked = {$random, $random, $random};
      near = asked[WIDTH-1:0];
      case (n & 7)
        0: asked = asked >> (n % (2 * WIDTH));
        1: asked = near * near;
        2: asked = near * near - 1'b1;
        3: asked = near * near + 2 * near;
        4: asked = {2 * WIDTH{1'b1}} << (n % (2 * WIDTH));
        5: asked = n >> 3;
        default: ;
      endcase
      if (n % 16 == 9) begin  // another one, left alone or reset after some steps
        start = 1'b1;
        value = {$random, $random, $random};
        @(posedge clk) #1 start = 1'b0;
        repeat (n % WIDTH) @(posedge clk);
        #1 rst = n[4];
        @(posedge clk) #1 rst = 1'b0;
      end
      start = 1'b1;
      value = asked;
      @(posedge clk) #1 start = 1'b0;
      value = ~asked;  // may not be read later
      cycles = 0;
      while (busy) begin
        @(posedge clk) #1 cycles = cycles + 1;
      end
      if (cycles !== WIDTH) $fatal(1, "FAIL: check %0d: %0d cycles", n, cycles);
      square = root * {{(WIDTH + 2) {1'b0}}, root};
      next_square = square + 2 * {{(WIDTH + 2) {1'b0}}, root} + 1'b1;
      if (!(square <= asked && asked < next_square)) $fatal(1, "FAIL: check %0d: root %h of %h", n, root, asked);
    end
    $display("PASS: %0d roots", CHECKS);
    $finish;
  end
endmodule

`default_nettype wire
