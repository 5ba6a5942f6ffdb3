// odenet quantize: checkpoint to integer network, with a report of how well the formats fit.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "commands.h"
#include "core/file.h"
#include "eval/fixed_backend.h"
#include "eval/quantization_report.h"
#include "fixed/quantizer.h"
#include "networks.h"
#include "nn/float_backend.h"

namespace odenet {

namespace {

struct Options {
  std::string network, out, report;
  ImageOptions images;
  int threads = 0;
  bool json = false;
};

void run(const Options& options) {
  namespace fs = std::filesystem;
  const NetworkFiles files = find_networks(options.network);
  const fs::path& checkpoint = files.need_checkpoint();
  const fs::path out = options.out.empty() ? checkpoint.parent_path() / kQuantizedName : fs::path(options.out);
  const fixed::Network network = fixed::quantize(SafeTensors::load(checkpoint));
  const auto reference = make_backend("float", files, {.threads = options.threads});
  eval::FixedBackend quantized(network, options.threads);
  const auto dataset = load_images(network.dataset, files, options.images);
  const auto comparison = eval::compare(*reference, quantized, {dataset.images, dataset.labels});
  const auto report = eval::quantization_report(quantized.runner(), comparison);
  const nlohmann::json json = report;
  network.save(out);
  if (!options.report.empty()) write_file(options.report, json.dump(2) + "\n");
  if (options.json)
    fmt::print("{}\n", json.dump(2));
  else
    fmt::print("{}\n{}: {} from {}\n", eval::to_text(report), out.string(), network.spec.model, checkpoint.string());
}

}  // namespace

void add_quantize(CLI::App& app) {
  auto* command = app.add_subcommand("quantize", "convert a trained network to Q20 integers");
  auto options = std::make_shared<Options>();
  options->images.limit = 200;
  command->add_option("network", options->network, "run folder or checkpoint")->required();
  command->add_option("--out", options->out,
                      fmt::format("file to write; default: {} beside the checkpoint", kQuantizedName));
  command->add_option("--report", options->report, "write the report as JSON to this file, too");
  command->add_option("--dataset", options->images.dataset, "for the report; default: the one it was trained on");
  command->add_option("--data-dir", options->images.data_dir,
                      "folder of the data set's files; default: as in training");
  command->add_option("--split", options->images.split, "for the report: train or test")->capture_default_str();
  command->add_option("--limit", options->images.limit, "images for the report; 0: all")->capture_default_str();
  command->add_option("--threads", options->threads, "0: all cores")->capture_default_str()->check(CLI::Range(0, 1024));
  command->add_flag("--json", options->json, "print the report as JSON");
  command->callback([options] { run(*options); });
}

}  // namespace odenet
