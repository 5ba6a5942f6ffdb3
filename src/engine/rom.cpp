#include "engine/rom.h"

#include "core/error.h"
#include "fixed/online_norm.h"

namespace odenet::engine {

std::string hex_lines(std::span<const int32_t> values, int width) {
  const uint32_t mask = width == 32 ? ~uint32_t{0} : (uint32_t{1} << width) - 1;
  std::string text;
  text.reserve(values.size() * static_cast<size_t>(width / 4 + 2));
  for (int32_t value : values)
    fmt::format_to(std::back_inserter(text), "{:0{}x}\n", static_cast<uint32_t>(value) & mask, (width + 3) / 4);
  return text;
}

std::map<std::string, std::string> rom_files(const Program& program, const std::string& folder) {
  const std::string prefix = folder.empty() ? "" : folder + "/";
  const Parameters& parameters = program.parameters;
  std::map<std::string, std::string> files;

  std::string& config = files[kConfigFile];
  config = fmt::format("// {}, {} multiply-accumulate lanes. Generated; the parameters of engine.v.\n", program.name,
                       parameters.macs());
  const auto define = [&](const char* name, int value) {
    config += fmt::format("`define ENGINE_{} {}\n", name, value);
  };
  define("OC_LANES", parameters.lanes.oc);
  define("PX_LANES", parameters.lanes.px);
  define("ACTIVATION_WIDTH", parameters.activation.width);
  define("ACTIVATION_FRACTION", parameters.activation.fraction);
  define("WEIGHT_WIDTH", parameters.weight.width);
  define("WEIGHT_FRACTION", parameters.weight.fraction);
  define("SUM_FRACTION", parameters.sum_fraction);
  define("SCALE_FRACTION", parameters.scale_fraction);
  define("MAC_DSPS", parameters.mac_dsps);
  define("PROGRAM_WORDS", parameters.program_words);
  define("MAP_0_WORDS", parameters.map_words[0]);
  define("MAP_1_WORDS", parameters.map_words[1]);
  define("WEIGHT_WORDS", parameters.weight_words);
  define("TABLE_WORDS", parameters.table_words);
  define("ONLINE_CHANNELS", parameters.online_channels);
  define("SINGLE", parameters.single ? 1 : 0);
  define("POOL_BITS", parameters.pool_bits);
  config += fmt::format("`define ENGINE_EPSILON 46'd{}\n", fixed::online_epsilon(parameters.sum()));
  define("INPUT_SIZE", program.input.size());
  define("OUTPUT_SIZE", program.output.size());
  config += fmt::format("`define ENGINE_ROM_PREFIX \"{}\"\n", prefix);

  std::string& instructions = files[prefix + kProgramFile];
  for (const Instruction& instruction : program.instructions)
    instructions += fmt::format("{}  // {}\n", to_hex(encode(instruction)), describe(instruction));
  for (size_t lane = 0; lane < program.weights.size(); ++lane)
    files[fmt::format("{}weights_{:02}.hex", prefix, lane)] = hex_lines(program.weights[lane], parameters.weight.width);
  files[prefix + "time_bias.hex"] = hex_lines(program.time_bias, 32);
  files[prefix + "scale.hex"] = hex_lines(program.scale, 32);
  files[prefix + "shift.hex"] = hex_lines(program.shift, 32);
  return files;
}

}  // namespace odenet::engine
