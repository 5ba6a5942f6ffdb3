// odenet export-fpga: an integer network, or one layer of it, as a self-contained engine to simulate and build.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "commands.h"
#include "core/error.h"
#include "core/names.h"
#include "engine/explore.h"
#include "engine/export.h"
#include "networks.h"

namespace odenet {

namespace {

struct ExportOptions {
  std::string network, out;
  EngineScope scope;
  engine::ExportOptions engine;
  ImageOptions images;
  bool explore = false, json = false;
  std::string device{engine::kXc7z020.name};
  std::vector<std::string> formats{engine::explored_formats().begin(), engine::explored_formats().end()};
};

// Of a block, or nothing: of the whole network.
void print_sizes(const fixed::Network& network, std::optional<size_t> block, const ExportOptions& options) {
  engine::ExploreOptions explore{.device = engine::find_device(options.device), .megahertz = options.engine.megahertz};
  for (const std::string& text : options.formats) explore.others.push_back(engine::parse_engine_formats(text));
  const auto sizes =
      block ? engine::explore(network.blocks[*block], network.formats(), explore) : engine::explore(network, explore);
  if (options.json)
    fmt::print("{}\n", nlohmann::json(sizes).dump(2));
  else
    fmt::print("{}", engine::to_text(sizes));
}

void run(const ExportOptions& options) {
  const NetworkFiles files = find_networks(options.network);
  const auto network = files.load_quantized();
  engine::ExportOptions export_options = options.engine;
  export_options.layer = options.scope.chosen();
  std::optional<size_t> block;  // found before the images are read
  if (!export_options.layer.empty()) block = engine::find_block(network, export_options.layer);
  if (options.explore) return print_sizes(network, block, options);
  if (options.out.empty()) throw Error("--out is missing: the folder to write, or --explore to write none");
  const auto dataset = load_images(network.dataset, files, options.images);
  export_options.labels = dataset.labels;
  export_options.device = engine::find_device(options.device);
  const auto report = engine::export_folder(network, dataset.images, options.out, export_options);
  if (options.json)
    fmt::print("{}\n", nlohmann::json(report).dump(2));
  else
    fmt::print("{}\n{}: next, make -C {} lint sim synth\n", engine::to_text(report), options.out, options.out);
}

std::string device_help() { return "what it must fit: " + names_of(engine::kDevices); }

std::string macs_help() { return fmt::format("multiply-add units: {}", fmt::join(engine::valid_macs(), ", ")); }

}  // namespace

void add_export_fpga(CLI::App& app) {
  auto* command = app.add_subcommand(
      "export-fpga", "write the engine for a network or one layer: RTL, ROMs, golden vectors, Makefile");
  auto options = std::make_shared<ExportOptions>();
  options->images.limit = 16;
  command->add_option("network", options->network, "quantized network, or run folder that holds one")->required();
  command->add_option("--out", options->out, "new folder");
  command->add_flag("--json", options->json, "print the report as JSON");
  start_group(*command, "Engine");
  add_engine_scope(*command, options->scope);
  command->add_option("--macs", options->engine.macs, macs_help())->capture_default_str();
  command->add_option("--device", options->device, device_help())->capture_default_str();
  command->add_option("--megahertz", options->engine.megahertz, "clock for the report")
      ->capture_default_str()
      ->check(CLI::Range(1, 10000));
  start_group(*command, "Exploring");
  command->add_flag("--explore", options->explore,
                    "instead, print what it costs on engines of every size, in several formats");
  command->add_option("--formats", options->formats, "besides the network's own, ACTIVATIONS/WEIGHTS each")
      ->delimiter(',')
      ->capture_default_str();
  start_group(*command, "Golden vectors");
  command->add_option("--dataset", options->images.dataset, "default: the one it was trained on");
  command->add_option("--data-dir", options->images.data_dir,
                      "folder of the data set's files; default: as in training");
  command->add_option("--split", options->images.split, "train or test")->capture_default_str();
  command->add_option("--images", options->images.limit, "first K images")
      ->capture_default_str()
      ->check(CLI::Range(1, 100000));
  command->callback([options] { run(*options); });
}

}  // namespace odenet
