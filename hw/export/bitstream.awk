# Puts a line "bitstream" into report.json: awk -v board=NAME -f bitstream.awk report.json LOG. The log is nextpnr's, or the
# lines "name number" of boards/vivado.tcl. The last maximal frequency counts: nextpnr prints one before routing too.

FNR == NR                               { lines[NR] = $0; count = NR; next }
/Info: Max frequency for clock/         { sub(/.*': /, ""); fmax = $1 }
$1 == "Info:" && $2 ~ /^[A-Z0-9_]+:$/ && $NF ~ /%$/ {
  name = $2; sub(/:/, "", name)
  text = $0; sub(/.*:/, "", text); split(text, numbers, "/")
  used[name] = numbers[1] + 0; device[name] = numbers[2] + 0
}
$1 == "fmax_megahertz"                  { fmax = $2 }
NF == 2 && $1 ~ /^(LUT|FF|DSP|BRAM36)$/ { used[$1] = $2 }
END {
  if (fmax == "") { print "no maximal frequency in the log" > "/dev/stderr"; exit 1 }
  entry = sprintf("  \"bitstream\": {\"board\": \"%s\", \"fmax_megahertz\": %g", board, fmax)
  for (name in used)
    if (used[name] > 0)
      entry = entry sprintf(", \"%s\": %s", name, name in device ? "{\"used\": " used[name] ", \"device\": " device[name] "}" : used[name])
  for (i = 1; i <= count; ++i) {
    if (lines[i] ~ /^  "bitstream":/) continue
    print lines[i]
    if (lines[i] == "{") print entry "},"
  }
}
