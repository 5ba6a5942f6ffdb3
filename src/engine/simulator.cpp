#include "engine/simulator.h"

#include <charconv>
#include <sstream>

#include "core/error.h"
#include "core/file.h"
#include "core/process.h"
#include "engine/export.h"
#include "engine/rom.h"
#include "fixed/parallel.h"

namespace odenet::engine {
namespace fs = std::filesystem;

namespace {

// One hexadecimal word a line, as the test bench writes them.
std::vector<int32_t> parse_hex_lines(const fs::path& path) {
  const std::string text = read_text_file(path);
  std::vector<int32_t> values;
  values.reserve(text.size() / 9);
  for (const char* at = text.data(); at < text.data() + text.size();) {
    uint32_t value = 0;
    const auto [end, code] = std::from_chars(at, text.data() + text.size(), value, 16);
    if (code != std::errc() || *end != '\n')
      throw Error("{}: line {} is no hexadecimal word", path.string(), values.size() + 1);
    values.push_back(static_cast<int32_t>(value));
    at = end + 1;
  }
  return values;
}

// The bench's lines "image I: compute C load L store S saturations N".
std::vector<ImageCounters> parse_counters(const fs::path& log) {
  std::istringstream lines(read_text_file(log));
  std::vector<ImageCounters> images;
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string image, index, compute, load, store, saturations;
    ImageCounters c;
    if (words >> image >> index >> compute >> c.compute_cycles >> load >> c.load_cycles >> store >> c.store_cycles >>
            saturations >> c.saturations &&
        image == "image" && compute == "compute")
      images.push_back(c);
  }
  return images;
}

}  // namespace

Simulator::Simulator(const Program& program, int threads)
    : input_size_(static_cast<size_t>(program.input.size())),
      output_size_(static_cast<size_t>(program.output.size())),
      threads_(fixed::thread_count(threads)) {
  require_tool("verilator", "verilator");
  require_tool("make", "make");
  write_engine(program, 0, folder_.path());
  run_process({"make", "simulator"}, folder_.path(), folder_ / "build.log");
}

Simulation Simulator::run_process_on(std::span<const int32_t> input, int worker) const {
  const size_t count = input.size() / input_size_;
  const fs::path in = folder_ / fmt::format("{}-input.hex", worker),
                 out = folder_ / fmt::format("{}-output.hex", worker);
  const fs::path log = folder_ / fmt::format("{}.log", worker);
  write_file(in, hex_lines(input, 32));
  run_process({"build/verilator/Vengine_tb", fmt::format("+images={}", count), "+input=" + in.string(),
               "+output=" + out.string()},
              folder_.path(), log);
  Simulation result{.output = parse_hex_lines(out), .images = parse_counters(log)};
  if (result.output.size() != count * output_size_ || result.images.size() != count)
    throw Error("the simulated engine gave {} words and {} cycle counts for {} images, expected {} words",
                result.output.size(), result.images.size(), count, count * output_size_);
  return result;
}

Simulation Simulator::run(std::span<const int32_t> input) {
  const size_t count = input.size() / input_size_;
  if (count * input_size_ != input.size())
    throw Error("{} activations, expected a multiple of {}", input.size(), input_size_);
  if (count == 0) return {};
  const size_t parts = std::min(static_cast<size_t>(threads_), count);
  std::vector<Simulation> simulations(parts);
  fixed::parallel_for(static_cast<int>(parts), threads_, [&](int part, int) {
    const size_t p = static_cast<size_t>(part), first = count * p / parts, last = count * (p + 1) / parts;
    simulations[p] = run_process_on(input.subspan(first * input_size_, (last - first) * input_size_), part);
  });
  Simulation result;
  for (const Simulation& part : simulations) {
    result.output.insert(result.output.end(), part.output.begin(), part.output.end());
    result.images.insert(result.images.end(), part.images.begin(), part.images.end());
  }
  return result;
}

}  // namespace odenet::engine
