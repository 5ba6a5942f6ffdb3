// odenet eval: accuracy of one backend, or of two side by side.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "commands.h"
#include "core/safetensors.h"
#include "dynamics/model.h"
#include "eval/compare.h"
#include "networks.h"
#include "nn/float_backend.h"
#include "progress_line.h"
#include "train/dynamics_training.h"

namespace odenet {

namespace {

struct EvalOptions {
  std::string network, backend = "float", compare, logits;
  BackendOptions backend_options;
  ImageOptions images;
  size_t batch = eval::EvaluateOptions().batch;
  bool json = false;
};

// Keeps the logits that pass through it.
class Recorder : public eval::Backend {
 public:
  explicit Recorder(eval::Backend& inner) : inner_(inner) {}
  std::string name() const override { return inner_.name(); }
  int classes() const override { return inner_.classes(); }
  const std::string& dataset() const override { return inner_.dataset(); }
  std::vector<std::pair<std::string, double>> counts() const override { return inner_.counts(); }
  std::vector<float> logits(std::span<const uint8_t> images, const eval::Tap& tap) override {
    auto result = inner_.logits(images, tap);
    recorded_.insert(recorded_.end(), result.begin(), result.end());
    return result;
  }

  void save(const std::string& path, std::span<const int32_t> labels) const {
    SafeTensors file;
    file.metadata = {{"backend", name()}, {"dataset", dataset()}};
    const auto n = static_cast<int64_t>(labels.size());
    file.add("logits", {n, classes()}, std::span<const float>(recorded_));
    const std::vector<int64_t> wide(labels.begin(), labels.end());
    file.add("labels", {n}, std::span<const int64_t>(wide));
    file.save(path);
  }

 private:
  eval::Backend& inner_;
  std::vector<float> recorded_;
};

// The error of whole trajectories, and after parts of them.
void run_predictor(const std::filesystem::path& path, const EvalOptions& options) {
  if (options.backend != "float" || !options.compare.empty() || !options.logits.empty())
    throw Error("{} predicts a dynamic system: it has the float backend only, and no logits", path.string());
  if (options.images.limit < 0) throw Error("limit is {}, expected 0 (all) or more", options.images.limit);
  const SolverOptions& solver = options.backend_options.solver;
  nn::set_threads(options.backend_options.threads);
  dynamics::Model model = dynamics::load_model(path);
  const Stage& trained = model->spec().stage;
  const dynamics::System& system = dynamics::find_system(model->spec().system);
  if (const std::string& given = options.images.dataset; !given.empty() && given != system.name)
    throw Error("{} predicts {}, and cannot be tested on {}", path.string(), system.name, given);
  if (solver.given()) {
    const int64_t count = solver.fixed_steps(system.interval);
    model->set_solver(dynamics::field_stage(solver.solver.empty() ? trained.solver : solver.solver,
                                            count == 0 ? steps(trained) : count,
                                            solver.adapt(count == 0 ? trained.steps : AdaptiveSteps())));
  }
  int64_t count = options.images.split == "train" ? dynamics::kTrainTrajectories : dynamics::kTestTrajectories;
  if (options.images.limit > 0) count = std::min(count, options.images.limit);
  const torch::Tensor errors =
      dynamics::rollout_errors(model, dynamics::trajectories(system, options.images.split, count));
  const ode::Work work = model->take_work();
  const Stage& stage = model->spec().stage;
  nlohmann::json json{
      {"network", options.network},
      {"system", system.name},
      {"split", options.images.split},
      {"trajectories", count},
      {"solver", stage.solver},
      {"rollout_error", train::rollout_error(errors)},
      {"rollout_errors", std::vector<double>(errors.data_ptr<double>(), errors.data_ptr<double>() + errors.numel())}};
  json["counts"] = {{"evaluations", work.forward.evaluations}, {"trials", work.forward.trials},
                    {"accepted_steps", work.forward.accepted}, {"rejected_steps", work.forward.rejected},
                    {"error_rows", work.forward.rows},         {"error_rows_saved", work.forward.rows_saved}};
  if (options.json) return fmt::print("{}\n", json.dump(2));
  fmt::print("{} by {}: {} trajectories of {} intervals of {:g}\n", system.name, stage.solver, count, system.intervals,
             system.interval);
  fmt::print("rollout error, in standard deviations: {:.4g}\n", train::rollout_error(errors));
  for (const int percent : {25, 50, 75, 100})
    fmt::print("  after {:3} %: {:.4g}\n", percent, errors[percent * system.intervals / 100 - 1].item<double>());
  fmt::print("{} evaluations, {} trials, {} rejected\n", work.forward.evaluations, work.forward.trials,
             work.forward.rejected);
}

void run(const EvalOptions& options) {
  const NetworkFiles files = find_networks(options.network);
  if (files.predictor) return run_predictor(*files.predictor, options);
  BackendOptions backend_options = options.backend_options;
  backend_options.data_dir = options.images.data_dir;
  const auto backend = make_backend(options.backend, files, backend_options);
  Recorder recorder(*backend);
  const auto dataset = load_images(backend->dataset(), files, options.images);
  const eval::Samples samples{dataset.images, dataset.labels};
  ProgressLine line;
  eval::EvaluateOptions evaluate_options{.batch = options.batch, .progress = [&](size_t done, size_t total) {
                                           line.show(false,
                                                     [&] { return fmt::format("{} of {} images", done, total); });
                                         }};
  nlohmann::json json;
  std::string text;
  if (options.compare.empty()) {
    const auto metrics = eval::evaluate(recorder, samples, evaluate_options);
    json = metrics;
    text = eval::to_text(metrics, dataset.class_names);
  } else {
    const auto reference = make_backend(options.compare, files, backend_options);
    const auto comparison = eval::compare(*reference, recorder, samples, evaluate_options);
    json = comparison;
    text = eval::to_text(comparison);
  }
  line.clear();
  const bool of_integers = options.backend != "float" || (!options.compare.empty() && options.compare != "float");
  if (of_integers && files.quantized != files.named) {
    json["integer_network"] = files.quantized->string();
    text += fmt::format("integer network: {}\n", files.quantized->string());
  }
  if (!options.logits.empty()) recorder.save(options.logits, dataset.labels);
  json["network"] = options.network;
  json["dataset"] = dataset.name;
  json["split"] = options.images.split;
  if (options.json)
    fmt::print("{}\n", json.dump(2));
  else
    fmt::print("{}", text);
}

}  // namespace

void add_eval(CLI::App& app) {
  auto* command = app.add_subcommand("eval", "top-1, top-5, loss and confusion matrix of a network");
  auto options = std::make_shared<EvalOptions>();
  command->add_option("network", options->network, "run folder, checkpoint or quantized network")->required();
  command->add_option("--logits", options->logits, "write logits [K, classes] and labels [K] to this safetensors file");
  command->add_option("--threads", options->backend_options.threads, "0: all cores")
      ->capture_default_str()
      ->check(CLI::Range(0, 1024));
  command->add_flag("--json", options->json, "for programs");
  start_group(*command, "Images");
  command->add_option("--dataset", options->images.dataset, "other than the one it was trained on");
  command->add_option("--data-dir", options->images.data_dir,
                      "folder of the data set's files; default: as in training");
  command->add_option("--split", options->images.split, "train or test")->capture_default_str();
  command->add_option("--limit", options->images.limit, "first K images only; 0: all")->capture_default_str();
  command->add_option("--batch", options->batch, "images at once")->capture_default_str()->check(CLI::Range(1, 100000));
  start_group(*command, "Backends");
  command->add_option("--backend", options->backend, "what computes it: " + backend_names())->capture_default_str();
  command->add_option("--compare", options->compare, "a second backend, whose results are put beside");
  add_engine_scope(*command, options->backend_options.engine, kUsualLayer);
  command->add_option("--macs", options->backend_options.macs, "rtl: the engine's size")->capture_default_str();
  add_solver_options(*command, options->backend_options.solver);
  add_controller_options(*command, options->backend_options.solver);
  command->callback([options] { run(*options); });
}

}  // namespace odenet
