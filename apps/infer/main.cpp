// odenet-infer: classifies images with an integer network. No LibTorch, so that it starts at once and runs on a board's
// processor; the same logits everywhere, in every bit.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "fixed/runner.h"
#include "images.h"

namespace odenet::infer {
namespace {

struct Options {
  std::string network, logits;
  std::vector<std::string> files;
  size_t limit = 0;
  int threads = 0;
  bool json = false;
};

constexpr size_t kBatch = 100;

void run(const Options& options) {
  const fixed::Network network = fixed::Network::load(options.network);
  const NetworkSpec& spec = network.spec;
  Images images(spec.in_channels, spec.height, spec.width);
  for (const std::string& file : options.files) images.read(file);
  if (options.limit > 0) images.truncate(options.limit);
  for (size_t i = 0; i < images.size(); ++i)
    if (images.label(i).value_or(0) >= spec.classes)
      throw Error("{}: label {}, expected 0 to {}; is it a file of {}?", images.name(i), *images.label(i),
                  spec.classes - 1, network.dataset);

  fixed::Runner runner(network, options.threads);
  std::vector<int32_t> logits;
  const auto start = std::chrono::steady_clock::now();
  for (size_t first = 0; first < images.size(); first += kBatch) {
    const size_t count = std::min(kBatch, images.size() - first);
    const auto part = runner.run(images.pixels().subspan(first * images.image_size(), count * images.image_size()));
    logits.insert(logits.end(), part.begin(), part.end());
  }
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();

  const auto classes = static_cast<size_t>(spec.classes);
  auto predictions = nlohmann::json::array();
  size_t labelled = 0, hits = 0;
  for (size_t i = 0; i < images.size(); ++i) {
    const auto* row = &logits[i * classes];
    const int predicted = static_cast<int>(std::max_element(row, row + classes) - row);
    const std::string& name = network.class_names[static_cast<size_t>(predicted)];
    if (images.label(i)) {
      ++labelled;
      hits += *images.label(i) == predicted;
    }
    if (options.json)
      predictions.push_back({{"image", images.name(i)}, {"class", predicted}, {"name", name}});
    else if (!images.label(i))
      fmt::print("{}: {}\n", images.name(i), name);
  }
  if (!options.logits.empty()) {
    SafeTensors file;
    file.metadata = {{"network", options.network}, {"dataset", network.dataset}};
    file.add<int32_t>("logits", {static_cast<int64_t>(images.size()), spec.classes}, logits);
    file.save(options.logits);
  }
  const double speed = static_cast<double>(images.size()) / std::max(seconds, 1e-9);
  if (options.json) {
    nlohmann::json json{{"predictions", std::move(predictions)}, {"images_per_second", speed}};
    if (labelled > 0) json["top1"] = static_cast<double>(hits) / static_cast<double>(labelled);
    fmt::print("{}\n", json.dump(2));
  } else if (labelled > 0) {
    fmt::print("{} labelled images, top-1 {:.2f} %, {:.0f} images/s\n", labelled,
               100.0 * static_cast<double>(hits) / static_cast<double>(labelled), speed);
  }
}

}  // namespace
}  // namespace odenet::infer

int main(int argc, char** argv) {
  CLI::App app("odenet-infer: classifies images with an integer network");
  odenet::infer::Options options;
  app.set_version_flag("--version", ODENET_VERSION);
  app.add_option("network", options.network, "quantized network, as `odenet quantize` writes it")->required();
  app.add_option("files", options.files, "pictures (.png), or data set files with CIFAR's records (.bin)")->required();
  app.add_option("--limit", options.limit, "first K images only; 0: all")->capture_default_str();
  app.add_option("--threads", options.threads, "0: all cores")->capture_default_str()->check(CLI::Range(0, 1024));
  app.add_option("--logits", options.logits, "write the integer logits [K, classes] to this safetensors file");
  app.add_flag("--json", options.json, "for programs");
  CLI11_PARSE(app, argc, argv);
  try {
    odenet::infer::run(options);
    return std::fflush(stdout) == 0 ? 0 : 1;
  } catch (const std::exception& e) {
    std::fflush(stdout);
    fmt::print(stderr, "odenet-infer: error: {}\n", e.what());
    return 1;
  }
}
