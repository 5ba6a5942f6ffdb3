// `REQUIRE(condition, message): an illegal parameter value stops elaboration, at module level.
// Icarus 11 has no elaboration-time $error; there an unknown module's name does the same, with file and line.
`ifdef __ICARUS__
`define REQUIRE(condition, message) generate if (!(condition)) illegal_parameter_value see_this_line(); endgenerate
`else
`define REQUIRE(condition, message) generate if (!(condition)) $error(message); endgenerate
`endif
