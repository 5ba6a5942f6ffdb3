# Lines, branches and toggles of hw/rtl that a coverage file of Verilator covers, module by module.
#
#   ODENET_COVERAGE=coverage.dat engine_tests --gtest_filter='*RandomPrograms*'
#   awk -f tests/engine/coverage.awk coverage.dat
#
# A point is a line "C '\001key\002value\001key\002value...' count"; key f is the file, page the kind and the module.
BEGIN { kinds = split("line branch toggle", kind) }

/^C '/ {
  file = page = ""
  fields = split($0, field, "\001")
  for (i = 1; i <= fields; ++i) {
    split(field[i], pair, "\002")
    if (pair[1] == "f") file = pair[2]
    if (pair[1] == "page") page = pair[2]
  }
  if (file !~ /^rtl\//) next
  sub(/^v_/, "", page)
  sub(/\/.*/, "", page)
  if (!((file, page) in points)) files[file]
  for (name in one) delete one[name]
  one[file]; one["all"]
  for (name in one) {
    ++points[name, page]
    if ($NF > 0) ++covered[name, page]
  }
}

function row(name,   line, k, of) {
  line = sprintf("%-20s", name)
  for (k = 1; k <= kinds; ++k) {
    of = points[name, kind[k]]
    if (of == 0) line = line sprintf("%20s", "")
    else line = line sprintf("%8d/%-5d%6.1f", covered[name, kind[k]], of, 100 * covered[name, kind[k]] / of)
  }
  return line
}

END {
  printf "%-20s%20s%20s%20s\n", "", "lines", "branches", "toggles"
  for (name in files) print row(name) | "sort"
  close("sort")
  print row("all")
}
