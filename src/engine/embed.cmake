# Writes OUT, a C++ file defining engine::hardware_files(), from the files of FOLDER named in PATHS (separated by commas).
string(REPLACE "," ";" paths "${PATHS}")
set(rows "")
foreach(path ${paths})
  file(READ ${FOLDER}/${path} text)
  string(APPEND rows "      {\"${path}\", R\"embedded(${text})embedded\"},\n")
endforeach()
file(WRITE ${OUT} "#include \"engine/hardware_files.h\"

namespace odenet::engine {

const std::map<std::string, std::string_view>& hardware_files() {
  static const std::map<std::string, std::string_view> files = {
${rows}  };
  return files;
}

}  // namespace odenet::engine
")
