// odenet-infer: classifies images with an integer network, on the processor or with one block or all of it on an
// engine. No LibTorch, so that it starts at once and runs on a board's processor; the same logits everywhere, in every
// bit.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "fixed/runner.h"
#include "images.h"
#include "offload.h"
#include "profile.h"

namespace odenet::infer {
namespace {

struct Options {
  std::string network, device, expect, logits;
  std::vector<std::string> files;
  size_t limit = 0;
  int threads = 0;
  bool profile = false, json = false;
};

constexpr size_t kBatch = 100;

Images read_images(const Options& options, const fixed::Network& network) {
  const NetworkSpec& spec = network.spec;
  Images images(spec.in_channels, spec.height, spec.width, options.limit, network.dataset == "cifar100-coarse");
  for (const std::string& file : options.files) images.read(file);
  for (size_t i = 0; i < images.size(); ++i)
    if (images.label(i).value_or(0) >= spec.classes)
      throw Error("{}: label {}, expected 0 to {}; is it a file of {}?", images.name(i), *images.label(i),
                  spec.classes - 1, network.dataset);
  return images;
}

// Throws Error unless the file, whose first images these are, has these logits in every bit.
void require_logits(const std::string& path, std::span<const int32_t> logits, const Images& images, size_t classes) {
  const auto file = SafeTensors::load(path);
  Shape shape{static_cast<int64_t>(images.size()), static_cast<int64_t>(classes)};
  if (const auto found = file.tensors.find("logits"); found != file.tensors.end() && found->second.shape.size() == 2)
    shape[0] = std::max(shape[0], found->second.shape[0]);
  const auto expected = file.get<int32_t>("logits", shape);
  size_t different = 0;
  std::string first;
  for (size_t i = 0; i < images.size(); ++i) {
    const auto row = logits.subspan(i * classes, classes);
    const auto at = static_cast<size_t>(
        std::ranges::mismatch(row, std::span(expected).subspan(i * classes, classes)).in1 - row.begin());
    if (at == classes) continue;
    if (different++ == 0)
      first = fmt::format("{}, class {}: {}, expected {}", images.name(i), at, row[at], expected[i * classes + at]);
  }
  if (different > 0)
    throw Error("{}: the logits of {} of {} images differ, first {}", path, different, images.size(), first);
}

struct Result {
  std::vector<int32_t> logits;  // [N, classes]
  double seconds = 0;
};

Result infer(fixed::Runner& runner, const Images& images) {
  Result result;
  const auto start = std::chrono::steady_clock::now();
  for (size_t first = 0; first < images.size(); first += kBatch) {
    const size_t count = std::min(kBatch, images.size() - first);
    const auto part = runner.run(images.pixels().subspan(first * images.image_size(), count * images.image_size()));
    result.logits.insert(result.logits.end(), part.begin(), part.end());
  }
  result.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return result;
}

void run(const Options& options) {
  const fixed::Network network = fixed::Network::load(options.network);
  const Images images = read_images(options, network);
  fixed::Runner runner(network, options.threads);
  std::optional<Profile> profile;
  if (options.profile) profile.emplace(runner);
  std::optional<Offload> offload;
  if (!options.device.empty()) {
    offload.emplace(options.device, network);
    const auto on_device = [&](std::span<const int32_t> in) { return offload->run(in); };
    const std::optional<size_t> block = offload->resident().block;
    if (profile && !block)
      throw Error("--profile times the blocks of the network, and the engine at {} computes all of it", options.device);
    profile ? profile->replace_block(*block, on_device) : offload->resident().replace(runner, on_device);
  }
  const auto [logits, seconds] = infer(runner, images);

  const auto classes = static_cast<size_t>(network.spec.classes);
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
    file.add<int32_t>("logits", {static_cast<int64_t>(images.size()), network.spec.classes}, logits);
    file.save(options.logits);
  }
  if (!options.expect.empty()) require_logits(options.expect, logits, images, classes);

  const int64_t saturations = runner.total_saturations();  // of the processor's layers
  const double speed = static_cast<double>(images.size()) / std::max(seconds, 1e-9);
  if (options.json) {
    nlohmann::json json{{"predictions", std::move(predictions)}, {"images_per_second", speed}};
    json["saturations"] = saturations;
    if (labelled > 0) json["top1"] = static_cast<double>(hits) / static_cast<double>(labelled);
    if (offload) json["accelerator"] = offload->to_json();
    if (!options.expect.empty()) json["expected"] = {{"file", options.expect}, {"equal_images", images.size()}};
    if (profile)
      for (const auto& [layer, ms] : profile->milliseconds(seconds, images.size()))
        json["profile"].push_back({{"layer", layer}, {"milliseconds", ms}});
    fmt::print("{}\n", json.dump(2, ' ', false, nlohmann::json::error_handler_t::replace));  // of file names
    return;
  }
  if (labelled > 0)
    fmt::print("{} labelled images, top-1 {:.2f} %, {:.{}f} images/s\n", labelled,
               100.0 * static_cast<double>(hits) / static_cast<double>(labelled), speed, speed < 10 ? 2 : 0);
  if (offload) fmt::print("{}\n", offload->to_text());
  if (saturations > 0) fmt::print("{} saturations in the layers that the processor computed\n", saturations);
  if (!options.expect.empty())
    fmt::print("{} images, logits equal to {} in every bit\n", images.size(), options.expect);
  if (profile)
    for (const auto& [layer, ms] : profile->milliseconds(seconds, images.size()))
      fmt::print("{:<16} {:9.3f} ms an image {:5.1f} %\n", layer, ms,
                 ms * static_cast<double>(images.size()) / std::max(seconds, 1e-9) / 10);
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
  app.add_option("--device", options.device,
                 "an engine, which computes what it holds, a block or the network: " + odenet::driver::device_kinds());
  app.add_option("--logits", options.logits, "write the integer logits [K, classes] to this safetensors file");
  app.add_option("--expect", options.expect,
                 "fail unless the logits equal the first ones of this file, as --logits writes it");
  app.add_flag("--profile", options.profile,
               "also the time of each block, an image: on one core with --threads 1, else of all cores together");
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
