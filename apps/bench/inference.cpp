// Inference of one network in one process: the float backend against integer networks of several formats.
//
//   bench inference runs/a --data-dir DIR              # images of the run's data set
//
// The backends take turns, so that a machine's other work meets all of them; numbers are medians over the rounds,
// ratios medians of the rounds' ratios to the float backend in equal batches.
#include <algorithm>
#include <thread>

#include "core/median.h"
#include "data/dataset.h"
#include "eval/fixed_backend.h"
#include "fixed/conv_kernels.h"
#include "fixed/quantizer.h"
#include "measure.h"
#include "nn/float_backend.h"
#include "subjects.h"
#include "train/run_folder.h"

namespace odenet::bench {
namespace {

struct InferenceOptions {
  std::string network, data_dir = "data", split = "test";
  int images = 200, batch = 100, rounds = 5, threads = 0;
};

struct Contender {
  std::string name;
  std::unique_ptr<eval::Backend> backend;
  size_t batch;
  std::vector<double> speeds{};
  double bytes = 0;
};

fixed::Formats formats_of(int width, int fraction, int weight_width, int weight_fraction) {
  fixed::Formats formats{.activation = {width, fraction}, .weight = {weight_width, weight_fraction}};
  if (width < 32) formats.sum = fixed::kWideSum;
  return formats;
}

void run(const InferenceOptions& options) {
  const SafeTensors checkpoint = SafeTensors::load(train::find_checkpoint(options.network));
  auto dataset = data::load(checkpoint.meta("dataset"), options.split, options.data_dir);
  dataset.truncate(static_cast<size_t>(options.images));
  nn::set_threads(options.threads);
  const auto integer = [&](int width, int fraction, int weight_width, int weight_fraction) {
    const fixed::QuantizeOptions quantize{.formats = formats_of(width, fraction, weight_width, weight_fraction)};
    return std::make_unique<eval::FixedBackend>(fixed::quantize(checkpoint, quantize), options.threads);
  };
  const auto batch = static_cast<size_t>(options.batch);
  std::vector<Contender> variants;
  variants.push_back({"float", std::make_unique<nn::FloatBackend>(nn::load_checkpoint(checkpoint.source)), batch});
  variants.push_back({"Q20: 32.20 x 25.20", integer(32, 20, 25, 20), batch});
  variants.push_back({"18.11 x 18.14", integer(18, 11, 18, 14), batch});
  variants.push_back({"16.9 x 16.12", integer(16, 9, 16, 12), batch});
  variants.push_back(
      {"float, image by image", std::make_unique<nn::FloatBackend>(nn::load_checkpoint(checkpoint.source)), 1});
  variants.push_back({"Q20, image by image", integer(32, 20, 25, 20), 1});

  const size_t size = dataset.images.size() / dataset.size();
  const auto pass = [&](Contender& v) {
    for (size_t i = 0; i < dataset.size(); i += v.batch)
      v.backend->logits(std::span(dataset.images).subspan(i * size, std::min(v.batch, dataset.size() - i) * size));
  };
  for (Contender& v : variants) v.bytes = peak_memory([&] { pass(v); });
  for (int round = 0; round < options.rounds; ++round)
    for (Contender& v : variants)
      v.speeds.push_back(static_cast<double>(dataset.size()) / seconds_of([&] { pass(v); }));
  fmt::print("{} threads of {} cores, {}; {} images of {}, batch {}, medians of {} rounds\n",
             options.threads > 0 ? options.threads : std::thread::hardware_concurrency(),
             std::thread::hardware_concurrency(), fixed::kernels::instruction_set(), dataset.size(), dataset.name,
             options.batch, options.rounds);
  for (const Contender& v : variants) {
    std::vector<double> ratios;
    const Contender& reference = *std::ranges::find(variants, v.batch, &Contender::batch);  // the float one comes first
    for (size_t i = 0; i < v.speeds.size(); ++i) ratios.push_back(v.speeds[i] / reference.speeds[i]);
    fmt::print("  {:<24} {:7.0f} images/s  {:5.2f}x  {:5.0f} MB more at its peak\n", v.name, median(v.speeds),
               median(ratios), v.bytes / 1e6);
  }
  fmt::print("peak memory of the process: {:.0f} MB\n", memory("VmHWM") / 1e6);
}

}  // namespace

void add_inference(CLI::App& app) {
  auto options = std::make_shared<InferenceOptions>();
  CLI::App* command = app.add_subcommand("inference", "backends: float and integer networks");
  command->add_option("network", options->network, "run folder")->required();
  command->add_option("--data-dir", options->data_dir)->capture_default_str();
  command->add_option("--split", options->split)->capture_default_str();
  command->add_option("--images", options->images, "of a round")->check(CLI::Range(1, 100000))->capture_default_str();
  command->add_option("--batch", options->batch)->check(CLI::Range(1, 65536))->capture_default_str();
  command->add_option("--rounds", options->rounds)->check(CLI::Range(1, 1000))->capture_default_str();
  command->add_option("--threads", options->threads, "0: all cores")->capture_default_str();
  command->callback([options] { run(*options); });
}

}  // namespace odenet::bench
