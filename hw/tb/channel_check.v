// A rule of every AXI channel: what is valid stays valid, and its payload stays put, until it is taken; nothing is valid
// after a reset, and nothing is unknown. Counts into `violations`.
`default_nettype none

module channel_check #(
    parameter WIDTH = 32
) (
    input wire clk,
    input wire rst,
    input wire valid,
    input wire ready,
    input wire [WIDTH-1:0] payload
);
  integer violations = 0;
  integer transfers = 0;
  reg waiting = 1'b0;
  reg was_rst = 1'b0;
  reg [WIDTH-1:0] held;

  always @(posedge clk) begin
    if (!rst && !was_rst && waiting && !(valid === 1'b1 && payload === held)) begin
      $display("%m: withdrew or changed what it offered");
      violations = violations + 1;
    end
    if (was_rst && valid !== 1'b0) begin
      $display("%m: valid after a reset");
      violations = violations + 1;
    end
    if (!rst && !was_rst && (valid === 1'bx || (valid === 1'b1 && (ready === 1'bx || ^payload === 1'bx)))) begin
      $display("%m: unknown bits");
      violations = violations + 1;
    end
    if (!rst && valid && ready) transfers = transfers + 1;
    waiting = !rst && valid && !ready;
    held = payload;
    was_rst = rst;
  end
endmodule

`default_nettype wire
