# Cells of `yosys stat` against the Zynq XC7Z020 of the PYNQ-Z2 and ZedBoard: a table, and utilisation.json.
# A RAMB18E1 is half a block RAM; memories and shift registers in LUTs count the LUTs that they occupy.

BEGIN {
  split("DSP48E1 BRAM36 LUT FF", names)
  device["DSP48E1"] = 220; device["BRAM36"] = 140; device["LUT"] = 53200; device["FF"] = 106400
  luts["RAM32M"] = luts["RAM64M"] = luts["RAM128X1D"] = 4
  luts["RAM32X1D"] = luts["RAM64X1D"] = 2
  luts["INV"] = luts["SRL16E"] = luts["SRLC32E"] = 1
}
/^=== /              { for (name in used) delete used[name] }  # the last module is the top
$1 ~ /^LUT[1-6]$/    { used["LUT"] += $2 }
$1 in luts           { used["LUT"] += luts[$1] * $2 }
$1 ~ /^FD[RSCP]E/    { used["FF"] += $2 }
$1 == "DSP48E1"      { used["DSP48E1"] += $2 }
$1 == "RAMB36E1"     { used["BRAM36"] += $2 }
$1 == "RAMB18E1"     { used["BRAM36"] += $2 / 2 }
END {
  if (!("DSP48E1" in used)) { print "no cells of an engine found" > "/dev/stderr"; exit 1 }
  json = "{\"device\": \"XC7Z020\""
  printf "%-8s %8s %8s %8s\n", "XC7Z020", "used", "device", "share"
  for (i = 1; i <= 4; ++i) {
    name = names[i]
    printf "%-8s %8g %8d %7.1f%%\n", name, used[name], device[name], 100 * used[name] / device[name]
    json = json sprintf(", \"%s\": {\"used\": %g, \"device\": %d}", name, used[name], device[name])
  }
  print json "}" > "utilisation.json"
}
