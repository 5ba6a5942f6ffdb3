# Runs boards/vivado.tcl without Vivado: its commands are recorded, files that they name must exist, and commands, cells and
# pins that nothing has made are errors.
#
#   tclsh vivado_stub.tcl BOARD PRESET [PROPERTY VALUE]      in an exported folder; prints "complete: N commands"

set commands 0
set cells {}

proc fail {text} { puts stderr "vivado_stub: $text"; exit 1 }
proc need_file {name} { if {![file exists $name]} { fail "no file $name" } }

# What Vivado has and the script may use.
foreach name {create_project set_property update_compile_order create_bd_design apply_bd_automation connect_bd_net
    connect_bd_intf_net assign_bd_address validate_bd_design save_bd_design launch_runs wait_on_run open_run
    report_timing_summary current_project current_fileset get_runs make_wrapper} {
  proc $name {args} { incr ::commands; return [lindex $args end] }
}
proc get_ipdefs {flag pattern} { incr ::commands; return [list [string map {* 9.1} $pattern] [string map {* 10.0} $pattern]] }
proc get_board_parts {flag name} { return $::board_parts }
proc create_bd_cell {type kind flag what instance} {
  incr ::commands
  if {$kind eq "module"} { need_file axi/$what.v } elseif {![string match xilinx.com:ip:*:10.0 $what]} { fail "block $what" }
  lappend ::cells $instance
  return $instance
}
proc get_bd_cells {name} { if {$name ni $::cells} { fail "no cell $name" }; return $name }
proc get_bd_pins {name} { get_bd_cells [lindex [split $name /] 0]; return $name }
proc get_bd_intf_pins {name} { get_bd_cells [lindex [split $name /] 0]; return $name }
proc get_files {pattern} { return $pattern }
proc add_files {args} {
  incr ::commands
  if {[lindex $args 0] eq "-fileset"} { set args [lrange $args 2 end] }
  if {[lindex $args 0] eq "-norecurse"} { return }
  foreach list $args { foreach name $list { need_file $name } }
}
proc get_property {name object} {
  return [dict get [dict replace {PROGRESS 100% STATUS complete STATS.WNS 1.5 STATS.WHS 0.02 STATS.TPWS 0} \
      {*}[lrange $::argv 2 3]] $name]
}
proc report_utilization {args} {
  return "| Slice LUTs  | 3056 |\n| Slice Registers  | 3690 |\n| Block RAM Tile | 65.5 |\n| DSPs  | 36 |\n"
}

set board_parts [lindex $argv 1]
set project build/[lindex $argv 0]/project
file mkdir $project/engine.runs/impl_1 $project/engine.gen/sources_1/bd/design_1/hw_handoff
close [open $project/engine.runs/impl_1/design_1_wrapper.bit w]
close [open $project/engine.gen/sources_1/bd/design_1/hw_handoff/design_1.hwh w]
source boards/vivado.tcl
foreach name {engine.bit engine.hwh timing.txt engine_config.vh} { need_file $out/$name }
puts "complete: $commands commands"
