# From nothing to a bitstream for a Zynq board: block design with the processor, an AXI DMA and the engine, synthesis, place and
# route, reports. Run in an exported folder by `make bitstream BOARD=...`:
#
#   vivado -mode batch -source boards/vivado.tcl -tclargs pynq-z2
#
# boards/<board>/board.tcl sets: part, board_part (preset of the processor, used where its files are installed), processor
# (zynq7 or zynqmp), megahertz. Results: build/<board>/engine.bit, engine.hwh, utilisation.rpt, timing.rpt, timing.txt.

set board [lindex $argv 0]
source boards/$board/board.tcl
set out build/$board

# The newest version of a Xilinx block.
proc ip {name instance} {
  set versions [lsort -dictionary [get_ipdefs -all xilinx.com:ip:$name:*]]
  if {[llength $versions] == 0} { error "this Vivado has no block $name" }
  return [create_bd_cell -type ip -vlnv [lindex $versions end] $instance]
}

proc connect_clock {args} {
  foreach pin $args { connect_bd_net [get_bd_pins ps/$::clock] [get_bd_pins $pin] }
}

file mkdir $out
create_project -force engine $out/project -part $part
if {[llength [get_board_parts -quiet $board_part]] > 0} {
  set_property board_part $board_part [current_project]
} else {
  puts "no board files of $board_part: the processor keeps Vivado's defaults, which its own boot loader replaces"
}

# Vivado looks for memory files from folders of its own, so that their names must be whole.
set file [open engine_config.vh]
set config [read $file]
close $file
set file [open $out/engine_config.vh w]
puts -nonewline $file [string map [list {"rom/"} "\"[pwd]/rom/\""] $config]
close $file

add_files [glob rtl/*.v axi/*.v]
add_files [list $out/engine_config.vh axi_config.vh rtl/require.vh]
set_property file_type {Verilog Header} [get_files *.vh]
set_property include_dirs [list [pwd]/$out [pwd] [pwd]/rtl] [current_fileset]
add_files -fileset constrs_1 boards/$board/engine.xdc
update_compile_order -fileset sources_1

create_bd_design design_1
create_bd_cell -type module -reference axi_engine engine

ip axi_dma dma
# A transfer may have 2^23 - 1 bytes; no scatter-gather.
set_property -dict [list CONFIG.c_include_sg 0 CONFIG.c_sg_length_width 23 CONFIG.c_m_axis_mm2s_tdata_width 32 \
    CONFIG.c_s_axis_s2mm_tdata_width 32 CONFIG.c_mm2s_burst_size 64 CONFIG.c_s2mm_burst_size 64] [get_bd_cells dma]

if {$processor eq "zynq7"} {
  ip processing_system7 ps
  apply_bd_automation -rule xilinx.com:bd_rule:processing_system7 \
      -config {make_external "FIXED_IO, DDR" apply_board_preset "1"} [get_bd_cells ps]
  set_property -dict [list CONFIG.PCW_USE_M_AXI_GP0 1 CONFIG.PCW_USE_S_AXI_HP0 1 CONFIG.PCW_S_AXI_HP0_DATA_WIDTH 64 \
      CONFIG.PCW_EN_CLK0_PORT 1 CONFIG.PCW_EN_RST0_PORT 1 CONFIG.PCW_FPGA0_PERIPHERAL_FREQMHZ $megahertz] [get_bd_cells ps]
  set clock FCLK_CLK0
  set reset FCLK_RESET0_N
  set master M_AXI_GP0
  set slave S_AXI_HP0
  set port_clocks {ps/M_AXI_GP0_ACLK ps/S_AXI_HP0_ACLK}
} elseif {$processor eq "zynqmp"} {
  ip zynq_ultra_ps_e ps
  apply_bd_automation -rule xilinx.com:bd_rule:zynq_ultra_ps_e -config {apply_board_preset "1"} [get_bd_cells ps]
  set_property -dict [list CONFIG.PSU__USE__M_AXI_GP0 1 CONFIG.PSU__USE__M_AXI_GP1 0 CONFIG.PSU__USE__M_AXI_GP2 0 \
      CONFIG.PSU__USE__S_AXI_GP2 1 CONFIG.PSU__SAXIGP2__DATA_WIDTH 64 CONFIG.PSU__FPGA_PL0_ENABLE 1 \
      CONFIG.PSU__CRL_APB__PL0_REF_CTRL__FREQMHZ $megahertz] [get_bd_cells ps]
  set clock pl_clk0
  set reset pl_resetn0
  set master M_AXI_HPM0_FPD
  set slave S_AXI_HP0_FPD
  set port_clocks {ps/maxihpm0_fpd_aclk ps/saxihp0_fpd_aclk}
} else {
  error "unknown processor $processor"
}

ip proc_sys_reset reset_sync
ip smartconnect registers
set_property -dict [list CONFIG.NUM_SI 1 CONFIG.NUM_MI 2] [get_bd_cells registers]
ip smartconnect memory
set_property -dict [list CONFIG.NUM_SI 2 CONFIG.NUM_MI 1] [get_bd_cells memory]

connect_clock reset_sync/slowest_sync_clk registers/aclk memory/aclk engine/aclk dma/s_axi_lite_aclk dma/m_axi_mm2s_aclk \
    dma/m_axi_s2mm_aclk {*}$port_clocks
connect_bd_net [get_bd_pins ps/$reset] [get_bd_pins reset_sync/ext_reset_in]
foreach pin {registers/aresetn memory/aresetn engine/aresetn dma/axi_resetn} {
  connect_bd_net [get_bd_pins reset_sync/peripheral_aresetn] [get_bd_pins $pin]
}
foreach {from to} [list ps/$master registers/S00_AXI registers/M00_AXI engine/s_axi registers/M01_AXI dma/S_AXI_LITE \
    dma/M_AXI_MM2S memory/S00_AXI dma/M_AXI_S2MM memory/S01_AXI memory/M00_AXI ps/$slave \
    dma/M_AXIS_MM2S engine/s_axis engine/m_axis dma/S_AXIS_S2MM] {
  connect_bd_intf_net [get_bd_intf_pins $from] [get_bd_intf_pins $to]
}
assign_bd_address
validate_bd_design
save_bd_design

add_files -norecurse [make_wrapper -files [get_files design_1.bd] -top]
set_property top design_1_wrapper [current_fileset]
update_compile_order -fileset sources_1

launch_runs impl_1 -to_step write_bitstream -jobs 4
wait_on_run impl_1
if {[get_property PROGRESS [get_runs impl_1]] ne "100%"} { error "no bitstream: [get_property STATUS [get_runs impl_1]]" }

open_run impl_1
report_utilization -file $out/utilisation.rpt
report_timing_summary -file $out/timing.rpt
# Worst slacks of setup and hold, and the pulse widths' total.
foreach {check property} {setup STATS.WNS hold STATS.WHS {pulse width} STATS.TPWS} {
  set slacks($check) [get_property $property [get_runs impl_1]]
  if {![string is double -strict $slacks($check)]} { error "no timing: Vivado gives no slack of $check" }
}
set file [open $out/timing.txt w]
puts $file "fmax_megahertz [format %.2f [expr {1000.0 / (1000.0 / $megahertz - $slacks(setup))}]]"
set report [report_utilization -return_string]
foreach {name pattern} {LUT {(?:Slice|CLB) LUTs\*?} FF {(?:Slice|CLB) Registers\*?} DSP DSPs BRAM36 {Block RAM Tile}} {
  if {[regexp "\\|\\s*$pattern\\s*\\|\\s*(\[0-9.\]+)" $report -> count]} { puts $file "$name $count" }
}
close $file
if {$slacks(setup) < 0} {
  error "timing of $megahertz MHz is missed by [expr {-$slacks(setup)}] ns; set a lower megahertz in boards/$board/board.tcl"
}
foreach check {hold {pulse width}} {
  if {$slacks($check) < 0} { error "timing is missed at any clock: $check by [expr {-$slacks($check)}] ns; see $out/timing.rpt" }
}

file copy -force $out/project/engine.runs/impl_1/design_1_wrapper.bit $out/engine.bit
file copy -force [lindex [glob $out/project/engine.gen/sources_1/bd/design_1/hw_handoff/design_1.hwh \
    $out/project/engine.srcs/sources_1/bd/design_1/hw_handoff/design_1.hwh] 0] $out/engine.hwh
puts "$out/engine.bit and $out/engine.hwh are ready"
