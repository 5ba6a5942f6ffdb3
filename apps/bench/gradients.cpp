// Memory and time of a training step by each gradient method, against the number of steps of an ODEBlock.
//
//   bench gradients                        # rodenet-1-20, midpoint (mali: leapfrog), 8 to 256 steps
//   bench gradients --solver rk4 --steps 8,32
//
// Memory is what the tensor pool holds after the step, so the step's peak, beside the prediction of train/plan.h.
#include "measure.h"
#include "nn/float_backend.h"
#include "nn/memory_pool.h"
#include "spec/zoo.h"
#include "subjects.h"
#include "train/plan.h"
#include "train/step.h"

namespace odenet::bench {
namespace {

struct GradientsOptions {
  std::string model = "rodenet-1-20", solver = "midpoint";
  std::vector<int> steps{8, 16, 32, 64, 128, 256};
  int64_t batch = 16;
  int threads = 0;
};

struct StepCost {
  double held, predicted, seconds;
};

StepCost measure(const GradientsOptions& options, const ode::GradientRow& method, int steps) {
  const bool reversible = method.gradient == ode::Gradient::kMali;
  const NetworkSpec spec = with_solver(make_spec(options.model, 10), reversible ? "leapfrog" : options.solver, steps);
  const train::TensorBatch batch{.images = torch::randn({options.batch, spec.in_channels, spec.height, spec.width})
                                               .contiguous(torch::MemoryFormat::ChannelsLast),
                                 .labels = torch::zeros({options.batch}, torch::kInt64),
                                 .mixed_labels = {}};
  nn::MemoryPool::trim();
  const auto before = nn::MemoryPool::held();
  nn::Network network(spec);
  network->set_gradient(method.gradient);
  train::Step step(network, {});
  step(batch, 1e-6);
  const auto held = nn::MemoryPool::held() - before;
  const double seconds = seconds_of([&] { step(batch, 1e-6).loss.item<double>(); });
  return {static_cast<double>(held),
          static_cast<double>(train::predicted_memory(spec, options.batch, sizeof(float), false, method.gradient)),
          seconds};
}

void run(const GradientsOptions& options) {
  nn::set_threads(options.threads);
  nn::MemoryPool::install();
  fmt::print("{}, batch {}, solver {} (mali: leapfrog), float32\n", options.model, options.batch, options.solver);
  fmt::print("{:>6}  {:10} {:>12} {:>14} {:>12}\n", "steps", "gradient", "measured MB", "predicted MB", "ms a step");
  for (const int steps : options.steps)
    for (const ode::GradientRow& method : ode::gradients()) {
      const StepCost cost = measure(options, method, steps);
      fmt::print("{:6}  {:10} {:12.1f} {:14.1f} {:12.1f}\n", steps, method.name, cost.held / 1e6, cost.predicted / 1e6,
                 1e3 * cost.seconds);
    }
}

}  // namespace

void add_gradients(CLI::App& app) {
  auto options = std::make_shared<GradientsOptions>();
  CLI::App* command = app.add_subcommand("gradients", "memory and time of a training step by each gradient method");
  command->add_option("--model", options->model)->capture_default_str();
  command->add_option("--solver", options->solver, "of all methods but mali")->capture_default_str();
  command->add_option("--steps", options->steps)->delimiter(',')->capture_default_str();
  command->add_option("--batch", options->batch)->capture_default_str();
  command->add_option("--threads", options->threads, "0: all cores")->capture_default_str();
  command->callback([options] { run(*options); });
}

}  // namespace odenet::bench
