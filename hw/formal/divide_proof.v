// divide gives the nearest integer, the upper one of two, or the end of its range beyond which that lies:
// -b < 2 (q b - a) <= b for a = (-1)^negative * numerator * 2^zeros and b = divisor.
`default_nettype none

module divide_proof #(
    parameter NUMERATOR_WIDTH = 5,
    parameter DIVISOR_WIDTH = 4,
    parameter OUT_WIDTH = 4,
    parameter COUNT_WIDTH = 4,
    parameter MOST_ZEROS = 2
) (
    input wire                       clk,
    input wire                       rst,
    input wire                       start,
    input wire                       negative,
    input wire [NUMERATOR_WIDTH-1:0] numerator,
    input wire [    COUNT_WIDTH-1:0] zeros,
    input wire [  DIVISOR_WIDTH-1:0] divisor
);
  wire busy, clipped;
  wire signed [OUT_WIDTH-1:0] quotient;
  divide #(
      .NUMERATOR_WIDTH(NUMERATOR_WIDTH),
      .DIVISOR_WIDTH(DIVISOR_WIDTH),
      .OUT_WIDTH(OUT_WIDTH),
      .COUNT_WIDTH(COUNT_WIDTH)
  ) dut (
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
  always @* if (start) assume (divisor != 0 && zeros <= MOST_ZEROS);

  // Registers of the module: Yosys joins them by their names when it flattens.
  (* hierconn *) wire [NUMERATOR_WIDTH-1:0] \dut.bits ;
  (* hierconn *) wire [DIVISOR_WIDTH-1:0] \dut.by ;
  (* hierconn *) wire [DIVISOR_WIDTH-1:0] \dut.rest ;
  (* hierconn *) wire [OUT_WIDTH:0] \dut.digits ;
  (* hierconn *) wire [COUNT_WIDTH-1:0] \dut.steps_left ;
  (* hierconn *) wire \dut.sign ;
  (* hierconn *) wire \dut.overflow ;
  (* hierconn *) wire \dut.finishing ;
  (* hierconn *) wire \dut.fits ;

  localparam WIDE = NUMERATOR_WIDTH + MOST_ZEROS + DIVISOR_WIDTH + 4;
  reg known = 1'b0, sign;
  reg [NUMERATOR_WIDTH-1:0] asked;
  reg [WIDE-1:0] shift, all_digits;
  reg [DIVISOR_WIDTH-1:0] by;
  always @(posedge clk) begin
    if (rst) known <= 1'b0;
    else if (start) known <= 1'b1;
    if (start) begin
      asked <= numerator;
      shift <= zeros;
      by <= divisor;
      sign <= negative;
      all_digits <= 0;
    end else if (busy && !\dut.finishing ) all_digits <= {all_digits[WIDE-2:0], \dut.fits };
  end

  // With the bit behind the point: what is divided, what of it was taken, and the result.
  wire [WIDE-1:0] left = \dut.steps_left , steps = NUMERATOR_WIDTH + shift + 1;
  wire [WIDE-1:0] whole = {{(WIDE - NUMERATOR_WIDTH) {1'b0}}, asked} << (shift + 1);
  wire [WIDE-1:0] taken = whole >> left, rest = \dut.rest ;
  wire [NUMERATOR_WIDTH-1:0] to_come = asked << (steps - left);
  wire signed [WIDE-1:0] a2 = sign ? -whole : whole;
  wire signed [WIDE-1:0] b = {{(WIDE - DIVISOR_WIDTH) {1'b0}}, by}, q = quotient;
  wire signed [WIDE-1:0] difference = 2 * q * b - a2;
  wire signed [WIDE-1:0] largest = (1 << (OUT_WIDTH - 1)) - 1, smallest = -(1 << (OUT_WIDTH - 1));

  always @*
    if (known) begin
      assert (by != 0 && shift <= MOST_ZEROS);
      if (busy) begin
        assert (\dut.finishing ? left == 0 : left >= 1 && left <= steps);
        assert (\dut.by == by && \dut.sign == sign && \dut.bits == to_come);
        assert (all_digits <= taken && all_digits * by + rest == taken && rest < by);
        assert (all_digits[OUT_WIDTH:0] == \dut.digits && \dut.overflow == |all_digits[WIDE-1:OUT_WIDTH+1]);
      end else begin
        assert (!\dut.finishing );
        if (!clipped) assert (difference > -b && difference <= b);
        else if (sign) assert (q == smallest && a2 + b < 2 * b * smallest);
        else assert (q == largest && a2 + b >= 2 * b * (largest + 1));
      end
    end
endmodule

`default_nettype wire
