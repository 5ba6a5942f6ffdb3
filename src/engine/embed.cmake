# Writes OUT, a C++ file defining engine::hw_files(), from the files of FOLDER named in PATHS (separated by commas).
string(REPLACE "," ";" paths "${PATHS}")
set(rows "")
foreach(path ${paths})
  file(READ ${FOLDER}/${path} text)
  string(APPEND rows "    {\"${path}\", R\"verilog(${text})verilog\"},\n")
endforeach()
file(WRITE ${OUT} "#include \"engine/hw_files.h\"

namespace odenet::engine {

std::span<const HwFile> hw_files() {
  static constexpr HwFile kFiles[] = {
${rows}  };
  return kFiles;
}

}  // namespace odenet::engine
")
