// Training steps against each other in one process: the straightforward one, and odenet's in float32 and bfloat16.
//
//   bench training                                     # ResNet-20, Biased-ODENet-20, ODENet-20
//   bench training --dataset cifar10 --data-dir DIR    # batches of a real data set for the row "with its loader"
//
// The steps take turns, so that a machine's other work meets all of them; numbers are medians over the rounds, ratios
// medians of the rounds' ratios.
#include <algorithm>
#include <functional>
#include <thread>

#include "core/median.h"
#include "measure.h"
#include "nn/device.h"
#include "nn/float_backend.h"
#include "nn/memory_pool.h"
#include "nn/norm_kernels.h"
#include "spec/zoo.h"
#include "straightforward.h"
#include "subjects.h"
#include "train/step.h"

namespace odenet::bench {
namespace {

struct TrainingOptions {
  std::vector<std::string> models{"resnet-20", "biased-odenet-20", "odenet-20"};
  int batch = 128, rounds = 5, steps = 20, threads = 0;
  std::string dataset = "sample", data_dir = "data";
};

// Multiply-adds of a 1x1 convolution with 512 channels, which is a matrix product, in GFLOP/s: the most that the
// convolutions' library gets out of this machine. (LibTorch's own matrix product depends on the BLAS that is
// installed.)
double gemm_peak(torch::ScalarType type) {
  const torch::NoGradGuard no_grad;
  const auto x = torch::randn({16, 512, 16, 16}).to(type).contiguous(torch::MemoryFormat::ChannelsLast);
  const auto w = torch::randn({512, 512, 1, 1}).to(type);
  double best = 0;
  for (int i = 0; i < 20; ++i)
    best = std::max(best, 2.0 * 512 * 512 * 16 * 256 / seconds_of([&] { torch::conv2d(x, w); }) / 1e9);
  return best;
}

struct Variant {
  std::string name;
  std::function<void()> step;
  double peak;  // GFLOP/s
  std::vector<double> speeds{};
  double bytes = 0;
};

data::Batch random_batch(int size) {
  data::Batch batch;
  batch.size = static_cast<size_t>(size);
  const auto pixels = torch::randn({size * 3 * 32 * 32});
  batch.pixels.assign(pixels.data_ptr<float>(), pixels.data_ptr<float>() + pixels.numel());
  const auto labels = torch::randint(10, {size}, torch::kInt64);
  batch.labels.assign(labels.data_ptr<int64_t>(), labels.data_ptr<int64_t>() + size);
  return batch;
}

void compare(const std::string& model, const TrainingOptions& options, const data::Dataset& dataset, double peak32,
             double peak16) {
  const NetworkSpec spec = make_spec(model, dataset.classes);
  const train::StepOptions settings{.sgd = {.weight_decay = 5e-4}, .label_smoothing = 0.1};
  data::Batch fixed = random_batch(options.batch);
  const train::TensorBatch batch32 = train::view_of(fixed, 32, 32);
  train::TensorBatch batch16 = batch32;
  batch16.images = batch32.images.to(torch::kBFloat16);

  StraightforwardStep straightforward(spec);
  train::Step step32(nn::Network(spec), settings), step16(nn::Network(spec), settings),
      loaded_step(nn::Network(spec), settings);
  const auto loaded = train::make_batches(dataset,
                                          {.batch = options.batch,
                                           .shuffle = true,
                                           .augment = data::find_dataset(options.dataset).augmentation,
                                           .normalization = data::find_dataset(options.dataset).normalization},
                                          torch::kCPU, torch::kBFloat16);
  uint64_t epoch = 0;
  loaded->start_epoch(0);
  const auto next = [&] {
    auto batch = loaded->next();
    if (!batch || batch->size() < options.batch) {
      loaded->start_epoch(++epoch);
      batch = loaded->next();
    }
    return *batch;
  };

  std::vector<Variant> variants{
      {"straightforward, float32", [&] { straightforward(batch32, 0.01); }, peak32},
      {"odenet, float32", [&] { step32(batch32, 0.01); }, peak32},
      {"odenet, bfloat16", [&] { step16(batch16, 0.01); }, peak16},
      {"odenet, bfloat16, with its loader", [&] { loaded_step(next(), 0.01); }, peak16},
  };
  const auto run = [&](Variant& variant) {
    nn::MemoryPool::enable(&variant != &variants.front());  // the straightforward step has LibTorch's own allocation
    for (int i = 0; i < options.steps; ++i) variant.step();
  };
  for (Variant& v : variants) v.bytes = peak_memory([&] { run(v); });
  for (int round = 0; round < options.rounds; ++round)
    for (Variant& v : variants) v.speeds.push_back(options.steps * options.batch / seconds_of([&] { run(v); }));

  // Backward costs twice the forward pass; the images need no gradient.
  const auto stem = static_cast<double>(layers(spec).front().macs);
  const double flop = 2 * (3 * static_cast<double>(mac_count(spec)) - stem);
  fmt::print("{}\n", model);
  for (const Variant& v : variants) {
    std::vector<double> ratios;
    for (size_t i = 0; i < v.speeds.size(); ++i) ratios.push_back(v.speeds[i] / variants.front().speeds[i]);
    const double speed = median(v.speeds);
    fmt::print("  {:<36} {:6.0f} images/s  {:5.2f}x  {:3.0f} % of the GEMM peak  {:5.0f} MB\n", v.name, speed,
               median(ratios), 100 * speed * flop / 1e9 / v.peak, v.bytes / 1e6);
  }
}

void run(const TrainingOptions& options) {
  nn::MemoryPool::install();
  nn::set_threads(options.threads);
  const data::Dataset dataset = data::load(options.dataset, "train", options.data_dir);
  const double peak32 = gemm_peak(torch::kFloat32), peak16 = gemm_peak(torch::kBFloat16);
  fmt::print("{} threads of {} cores, {}, batch {}, medians of {} rounds of {} steps\n", torch::get_num_threads(),
             std::thread::hardware_concurrency(), nn::bfloat16_support(torch::kCPU).why, options.batch, options.rounds,
             options.steps);
  fmt::print("GEMM peak: {:.0f} GFLOP/s in float32, {:.0f} in bfloat16; norms in {}\n", peak32, peak16,
             nn::kernels::instruction_set());
  for (const std::string& model : options.models) compare(model, options, dataset, peak32, peak16);
}

}  // namespace

void add_training(CLI::App& app) {
  auto options = std::make_shared<TrainingOptions>();
  CLI::App* command = app.add_subcommand("training", "training steps, ours and the straightforward one");
  command->add_option("--models", options->models)->delimiter(',')->capture_default_str();
  command->add_option("--batch", options->batch)->check(CLI::Range(1, 65536))->capture_default_str();
  command->add_option("--rounds", options->rounds)->check(CLI::Range(1, 1000))->capture_default_str();
  command->add_option("--steps", options->steps, "of each kind in a round")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  command->add_option("--threads", options->threads, "0: all cores")->capture_default_str();
  command->add_option("--dataset", options->dataset)->capture_default_str();
  command->add_option("--data-dir", options->data_dir)->capture_default_str();
  command->callback([options] { run(*options); });
}

}  // namespace odenet::bench
