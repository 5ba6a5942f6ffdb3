// COUNT words moved down by one, a new one on top: COUNT of them collect a map word from a stream, its first pixel lowest.
`default_nettype none

module push #(
    parameter WIDTH = 32,
    parameter COUNT = 8
) (
    input  wire [WIDTH*COUNT-1:0] words,
    input  wire [      WIDTH-1:0] in,
    output wire [WIDTH*COUNT-1:0] out
);
  generate
    if (COUNT == 1) begin : one
      wire unused = &{1'b0, words};
      assign out = in;
    end else begin : several
      wire unused = &{1'b0, words[WIDTH-1:0]};
      assign out = {in, words[WIDTH*COUNT-1:WIDTH]};
    end
  endgenerate
endmodule

`default_nettype wire
