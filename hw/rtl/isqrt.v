// root = floor(sqrt(value)), one bit a cycle, WIDTH cycles in all: after i of them root is that of the value's i highest pairs
// of bits, and rest what its square leaves. The same in C++: fixed::isqrt.
`default_nettype none

module isqrt #(
    parameter WIDTH = 48,
    parameter COUNT_WIDTH = 6  // holds WIDTH
) (
    input  wire               clk,
    input  wire               rst,
    input  wire               start,
    input  wire [2*WIDTH-1:0] value,
    output reg                busy,  // from the cycle after start; root is valid when it falls, until the next start
    output reg  [  WIDTH-1:0] root
);
  reg [2*WIDTH-1:0] pairs;  // still to come
  reg [WIDTH-1:0] rest;  // at most 2 root, and a bit less wide before the last step
  reg [COUNT_WIDTH-1:0] steps_left;

  wire [WIDTH+1:0] next = {rest, pairs[2*WIDTH-1-:2]};
  wire [WIDTH+1:0] trial = {root, 2'b01};
  wire [WIDTH+2:0] difference = {1'b0, next} - {1'b0, trial};
  wire fits = !difference[WIDTH+2];

  always @(posedge clk)
    if (rst) begin
      busy <= 1'b0;
      steps_left <= 0;
    end else if (start) begin
      busy <= 1'b1;
      steps_left <= WIDTH[COUNT_WIDTH-1:0];
    end else if (busy) begin
      steps_left <= steps_left - 1'b1;
      busy <= steps_left != 1;
    end

  always @(posedge clk)
    if (start) begin
      pairs <= value;
      rest  <= 0;
      root  <= 0;
    end else if (busy) begin
      pairs <= pairs << 2;
      rest  <= fits ? difference[WIDTH-1:0] : next[WIDTH-1:0];
      root  <= {root[WIDTH-2:0], fits};
    end

  wire unused = &{1'b0, difference[WIDTH+1:WIDTH]};
endmodule

`default_nettype wire
