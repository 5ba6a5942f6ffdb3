// isqrt gives the largest integer whose square is at most the value: at every step, root and rest are those of the bits taken
// so far.
`default_nettype none

module isqrt_proof #(
    parameter WIDTH = 6,
    parameter COUNT_WIDTH = 3
) (
    input wire               clk,
    input wire               rst,
    input wire               start,
    input wire [2*WIDTH-1:0] value
);
  wire busy;
  wire [WIDTH-1:0] root;
  isqrt #(
      .WIDTH(WIDTH),
      .COUNT_WIDTH(COUNT_WIDTH)
  ) dut (
      .clk(clk),
      .rst(rst),
      .start(start),
      .value(value),
      .busy(busy),
      .root(root)
  );

  // Registers of the module: Yosys joins them by their names when it flattens.
  (* hierconn *) wire [2*WIDTH-1:0] \dut.pairs ;
  (* hierconn *) wire [WIDTH-1:0] \dut.rest ;
  (* hierconn *) wire [COUNT_WIDTH-1:0] \dut.steps_left ;

  reg known = 1'b0;  // a root is being drawn, or found
  reg [2*WIDTH-1:0] asked;
  always @(posedge clk)
    if (rst) known <= 1'b0;
    else if (start) begin
      known <= 1'b1;
      asked <= value;
    end

  localparam WIDE = 2 * WIDTH + 2;
  wire [WIDE-1:0] r = root, rest = \dut.rest , left = \dut.steps_left ;
  wire [WIDE-1:0] taken = asked >> (2 * left), wanted = asked;
  wire [2*WIDTH-1:0] to_come = asked << (2 * (WIDTH - left));

  always @*
    if (known && busy) begin
      assert (left >= 1 && left <= WIDTH);
      assert (\dut.pairs == to_come);
      assert (r >> (WIDTH - left) == 0);
      assert (r * r + rest == taken && rest <= 2 * r);
    end else if (known) assert (r * r <= wanted && wanted < (r + 1) * (r + 1));
endmodule

`default_nettype wire
