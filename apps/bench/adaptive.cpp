// An adaptive training step of one ODEBlock against the same step as it is first written: every time step is searched
// for from the first step's size on, all trials are computed with their graph, and backpropagation goes through that.
//
//   bench adaptive                          # layer3_2 of rodenet-3-20, heun-euler, tolerances 1e-2 and 1e-3
//   bench adaptive --tolerance 1e-4 --solver bogacki-shampine
//
// Both integrate the same f over the same z at the same tolerance, in alternation; the loss is the mean square of z(T).
#include "core/median.h"
#include "measure.h"
#include "nn/block_field.h"
#include "nn/float_backend.h"
#include "nn/memory_pool.h"
#include "ode/gradient.h"
#include "subjects.h"

namespace odenet::bench {
namespace {

struct AdaptiveOptions {
  std::string solver = "heun-euler";
  std::vector<double> tolerances{1e-2, 1e-3};
  int64_t batch = 32, channels = 64, size = 8;
  double first_step = 0.25;
  int rounds = 7, threads = 0;
};

struct SolveCost {
  double seconds = 0;
  ode::Work work;
};

class Bench {
 public:
  Bench(const AdaptiveOptions& options, double tolerance)
      : options_(options),
        layers_(make_layers(static_cast<int>(options.channels))),
        z_(torch::randn({options.batch, options.channels, options.size, options.size})
               .contiguous(torch::MemoryFormat::ChannelsLast)),
        tolerance_(tolerance) {}

  SolveCost straightforward() {
    return timed([&](const std::shared_ptr<ode::Work>& work) {
      nn::BlockField field(layers_, ode::Gradient::kAca, /*one_set=*/true);  // planes belong to each trial's graph
      const ode::Slope slope = [&](const ode::State& z, const ode::Evaluation& at) {
        return ode::State{field.slope(z.front(), {at.time, at.index, ode::Pass::kRecord})};
      };
      const ode::Integrated result = ode::integrate(plan("search", /*warm_start=*/false), slope, {input()});
      require_done(result, plan("search", false));
      work->forward += result.statistics;
      return result.state.front();
    });
  }

  SolveCost ours(ode::Gradient gradient) {
    return timed([&](const std::shared_ptr<ode::Work>& work) {
      const auto field = std::make_shared<nn::BlockField>(layers_, gradient, /*one_set=*/true);
      return ode::solve({.field = field, .plan = plan("slope", true), .gradient = gradient, .work = work}, input());
    });
  }

 private:
  torch::Tensor input() const { return z_.detach().requires_grad_(); }

  ode::Integration plan(const char* controller, bool warm_start) const {
    return {.solver = &ode::find_solver(options_.solver),
            .control = {.controller = &ode::find_controller(controller),
                        .rtol = tolerance_,
                        .atol = tolerance_,
                        .steps = {.first_step = options_.first_step, .warm_start = warm_start}}};
  }

  template <typename Forward>
  SolveCost timed(const Forward& forward) {
    const auto work = std::make_shared<ode::Work>();
    const double seconds = seconds_of([&] { forward(work).square().mean().backward(); });
    return {seconds, *work};
  }

  static nn::BlockField::Layers make_layers(int channels) {
    torch::manual_seed(1);
    const nn::ConvOptions conv{.in_channels = channels, .channels = channels, .time = true};
    return {nn::Conv(conv), nn::Norm(channels, 1), nn::Conv(conv), nn::Norm(channels, 1)};
  }

  const AdaptiveOptions& options_;
  nn::BlockField::Layers layers_;
  torch::Tensor z_;
  double tolerance_;
};

struct Row {
  std::string name;
  std::vector<double> seconds = {};
  ode::Work work = {};
};

void run(const AdaptiveOptions& options) {
  nn::set_threads(options.threads);
  nn::MemoryPool::install();
  fmt::print("{} channels of {} x {}, batch {}, {}, first step {}; medians of {} rounds\n", options.channels,
             options.size, options.size, options.batch, options.solver, options.first_step, options.rounds);
  fmt::print("{:>9}  {:24} {:>6} {:>8} {:>8} {:>11} {:>12} {:>9}\n", "tolerance", "step", "trials", "rejected",
             "forward", "backward", "ms a step", "speedup");
  for (const double tolerance : options.tolerances) {
    Bench bench(options, tolerance);
    std::vector<Row> rows{{"straightforward"}, {"slope, backprop"}, {"slope, aca"}};
    for (int round = -1; round < options.rounds; ++round) {  // the first one warms up
      const SolveCost costs[] = {bench.straightforward(), bench.ours(ode::Gradient::kBackprop),
                                 bench.ours(ode::Gradient::kAca)};
      for (size_t i = 0; i < rows.size(); ++i) {
        if (round >= 0) rows[i].seconds.push_back(costs[i].seconds);
        rows[i].work = costs[i].work;
      }
    }
    const double reference = median(rows[0].seconds);
    for (const Row& row : rows) {
      const double seconds = median(row.seconds);
      fmt::print("{:9.0e}  {:24} {:6} {:8} {:8} {:11} {:12.1f} {:8.2f}x\n", tolerance, row.name,
                 row.work.forward.trials, row.work.forward.rejected, row.work.forward.evaluations,
                 row.work.backward.evaluations, 1e3 * seconds, reference / seconds);
    }
  }
}

}  // namespace

void add_adaptive(CLI::App& app) {
  auto options = std::make_shared<AdaptiveOptions>();
  CLI::App* command =
      app.add_subcommand("adaptive", "an adaptive training step of an ODEBlock, ours and the straightforward one");
  command->add_option("--solver", options->solver, "with an error estimate")->capture_default_str();
  command->add_option("--tolerance", options->tolerances, "rtol and atol")->delimiter(',')->capture_default_str();
  command->add_option("--batch", options->batch)->capture_default_str();
  command->add_option("--channels", options->channels)->capture_default_str();
  command->add_option("--size", options->size, "height and width")->capture_default_str();
  command->add_option("--first-step", options->first_step)->capture_default_str();
  command->add_option("--rounds", options->rounds)->capture_default_str()->check(CLI::Range(1, 1000));
  command->add_option("--threads", options->threads, "0: all cores")->capture_default_str();
  command->callback([options] { run(*options); });
}

}  // namespace odenet::bench
