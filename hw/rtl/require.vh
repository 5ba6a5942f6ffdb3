// `REQUIRE(condition, message): an illegal parameter value stops elaboration, at module level.
// Verilog has no $error there. Verilator and Yosys take it all the same; for every other tool an unknown module's name does the
// same, with file and line.
`ifdef VERILATOR
`define REQUIRE(condition, message) generate if (!(condition)) $error(message); endgenerate
`elsif YOSYS
`define REQUIRE(condition, message) generate if (!(condition)) $error(message); endgenerate
`else
`define REQUIRE(condition, message) generate if (!(condition)) illegal_parameter_value see_this_line(); endgenerate
`endif
