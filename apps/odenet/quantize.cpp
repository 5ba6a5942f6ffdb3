// odenet quantize: checkpoint to integer network, with a report of how well the formats fit, or a sweep over formats.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "commands.h"
#include "core/error.h"
#include "core/file.h"
#include "core/fingerprint.h"
#include "eval/fixed_backend.h"
#include "eval/precision_sweep.h"
#include "eval/quantization_report.h"
#include "fixed/calibration.h"
#include "fixed/formats_text.h"
#include "fixed/quantizer.h"
#include "fixed/trained_formats.h"
#include "networks.h"
#include "nn/float_backend.h"
#include "progress_line.h"

namespace odenet {

namespace {

namespace fs = std::filesystem;

struct QuantizeOptions {
  std::string network, out, report, activations, weights, plot;
  ImageOptions images;
  SolverOptions solver;
  std::vector<int> sweep;
  int auto_bits = 0, calibration = 200, threads = 0;
  bool channel_scaling = false, json = false;
};

// What is quantized, as the float backend runs it.
struct Trained {
  SafeTensors checkpoint;
  std::string fingerprint;  // of the file's
  nn::FloatBackend backend;
};

Trained load_trained(const NetworkFiles& files, const QuantizeOptions& options) {
  const nn::Checkpoint trained = load_float(files, options.solver, options.images.data_dir, options.threads);
  SafeTensors checkpoint = SafeTensors::load(files.need_checkpoint());
  std::string print = fingerprint(checkpoint);
  if (options.solver.given()) {
    std::string source = std::move(checkpoint.source);
    checkpoint = nn::checkpoint_tensors(trained.network, trained.info);
    checkpoint.source = std::move(source);
  }
  return {std::move(checkpoint), std::move(print), nn::FloatBackend(trained)};
}

std::unique_ptr<fixed::Calibration> calibrate(const SafeTensors& checkpoint, const NetworkFiles& files,
                                              const QuantizeOptions& options) {
  auto calibration = std::make_unique<fixed::Calibration>(fixed::quantize(checkpoint), options.threads);
  ImageOptions images = options.images;
  images.dataset.clear();  // that is for the report
  images.split = "train";
  images.limit = options.calibration;
  calibration->run(load_images(checkpoint.meta("dataset"), files, images).images);
  return calibration;
}

void write_result(const nlohmann::json& json, const std::string& text, const QuantizeOptions& options) {
  if (!options.report.empty()) write_file(options.report, json.dump(2) + "\n");
  fmt::print("{}\n", options.json ? json.dump(2) : text);
}

void run_sweep(Trained& trained, const NetworkFiles& files, const QuantizeOptions& options) {
  const SafeTensors& checkpoint = trained.checkpoint;
  const auto calibration = calibrate(checkpoint, files, options);
  const auto dataset = load_images(trained.backend.dataset(), files, options.images);
  ProgressLine line;
  int bits_now = 0;
  eval::PrecisionSweep sweep(
      trained.backend, {dataset.images, dataset.labels}, {.progress = [&](size_t done, size_t total) {
        line.show(false, [&] {
          return fmt::format("{}: {} of {} images", bits_now == 0 ? "float" : fmt::format("{} bits", bits_now), done,
                             total);
        });
      }});
  for (const int bits : options.sweep) {
    bits_now = bits;
    sweep.add(bits,
              fixed::quantize(checkpoint,
                              {.formats = calibration->formats(bits), .channel_scaling = options.channel_scaling}),
              options.threads);
  }
  line.clear();
  if (!options.plot.empty()) draw(sweep, options.plot);
  write_result(sweep, eval::to_text(sweep), options);
}

void run_one(Trained& trained, const NetworkFiles& files, const QuantizeOptions& options) {
  const SafeTensors& checkpoint = trained.checkpoint;
  fixed::QuantizeOptions quantize{.channel_scaling = options.channel_scaling};
  if (options.auto_bits > 0) {
    quantize.formats = calibrate(checkpoint, files, options)->formats(options.auto_bits);
  } else if (options.activations.empty() && options.weights.empty() && fixed::trained_bits(checkpoint) > 0) {
    quantize = {.formats = fixed::trained_formats(checkpoint), .channel_scaling = true};
  } else {
    quantize.formats = fixed::formats_from(options.activations, options.weights);
  }
  const bool q20 = quantize.formats == fixed::Formats{};
  const fs::path out = options.out.empty() ? quantized_path(checkpoint.source, q20 ? kQuantizedName : kOtherFormatsName)
                                           : fs::path(options.out);
  fixed::Network network = fixed::quantize(checkpoint, quantize);
  network.made_from = trained.fingerprint;
  eval::FixedBackend quantized(network, options.threads);
  const auto dataset = load_images(network.dataset, files, options.images);
  const auto comparison = eval::compare(trained.backend, quantized, {dataset.images, dataset.labels});
  const auto report = eval::quantization_report(quantized.runner(), comparison);
  network.accuracy = {.dataset = options.images.dataset.empty() ? network.dataset : options.images.dataset,
                      .split = options.images.split,
                      .images = comparison.second.count,
                      .top1 = comparison.second.top1(),
                      .float_top1 = comparison.first.top1()};
  network.save(out);
  write_result(
      report,
      fmt::format("{}\n{}: {} from {}", eval::to_text(report), out.string(), network.spec.model, checkpoint.source),
      options);
}

void run(const QuantizeOptions& options) {
  if (!options.plot.empty() && options.sweep.empty()) throw Error("--plot draws a sweep: give --sweep, too");
  if (!options.out.empty() && !options.sweep.empty()) throw Error("--out names a network, and a sweep writes none");
  const NetworkFiles files = find_networks(options.network);
  Trained trained = load_trained(files, options);
  options.sweep.empty() ? run_one(trained, files, options) : run_sweep(trained, files, options);
}

}  // namespace

void add_quantize(CLI::App& app) {
  auto* command = app.add_subcommand("quantize", "convert a trained network to integers, by default Q20");
  auto options = std::make_shared<QuantizeOptions>();
  options->images.limit = 200;
  command->add_option("network", options->network, "run folder or checkpoint")->required();
  command->add_option("--out", options->out,
                      fmt::format("file to write; default: {} beside the checkpoint, {} for formats other than Q20",
                                  kQuantizedName, kOtherFormatsName));
  command->add_option("--report", options->report, "write the report or sweep as JSON to this file, too");
  command->add_option("--threads", options->threads, "0: all cores")->capture_default_str()->check(CLI::Range(0, 1024));
  command->add_flag("--json", options->json, "print the report as JSON");
  start_group(*command, "Formats");
  auto* activations = command->add_option(
      "--activations", options->activations,
      "WIDTH.FRACTION of activations, as 16.10, and of single layers or points: 16.10,layer3_2=16.8; default: 32.20");
  auto* weights = command->add_option("--weights", options->weights, "the same of weights; default: 25.20");
  auto* automatic = command->add_option("--auto", options->auto_bits,
                                        "so many bits for both; fractions of each layer from calibration images");
  automatic->check(CLI::Range(2, 32))->excludes(activations)->excludes(weights);
  command->add_option("--calibration", options->calibration, "images of the train split for --auto and --sweep")
      ->capture_default_str()
      ->check(CLI::Range(1, 1000000));
  command->add_flag("--channel-scaling", options->channel_scaling,
                    "scale the weights of each output channel by a power of two, and its norm back");
  auto* sweep = command->add_option("--sweep", options->sweep,
                                    "accuracy for these bits, as with --auto, and no network: 32,24,18,16,12,8");
  sweep->delimiter(',')->check(CLI::Range(2, 32))->excludes(automatic)->excludes(activations)->excludes(weights);
  command->add_option("--plot", options->plot, "draw the sweep to this file, .svg or .png");
  start_group(*command, "Images for the report");
  command->add_option("--dataset", options->images.dataset, "default: the one it was trained on");
  command->add_option("--data-dir", options->images.data_dir,
                      "folder of the data set's files; default: as in training");
  command->add_option("--split", options->images.split, "train or test")->capture_default_str();
  command->add_option("--limit", options->images.limit, "first K images only, also for the sweep; 0: all")
      ->capture_default_str();
  add_solver_options(*command, options->solver);
  command->callback([options] { run(*options); });
}

}  // namespace odenet
