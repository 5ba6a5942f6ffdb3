// out = word `index` of COUNT `words`, as a tree of two-way multiplexers. (Of a variable part select whose width is no power
// of two Yosys 0.23 makes several times the logic.)
`default_nettype none

module select #(
    parameter WIDTH = 48,
    parameter COUNT = 8,  // a power of two
    parameter INDEX_WIDTH = 3  // at least 1
) (
    input  wire [ WIDTH*COUNT-1:0] words,
    input  wire [ INDEX_WIDTH-1:0] index,
    output wire [       WIDTH-1:0] out
);
  generate
    if (COUNT == 1) begin : one
      wire unused = &{1'b0, index};
      assign out = words;
    end else begin : tree
      reg [WIDTH*COUNT-1:0] shifted;
      integer i;

      always @* begin
        shifted = words;
        for (i = INDEX_WIDTH - 1; i >= 0; i = i - 1) if (index[i]) shifted = shifted >> (WIDTH << i);
      end

      assign out = shifted[WIDTH-1:0];
    end
  endgenerate
endmodule

`default_nettype wire
