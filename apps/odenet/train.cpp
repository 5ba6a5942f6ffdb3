// odenet train: config and options to a run folder; or a run folder that goes on.
#include <fmt/format.h>
#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <csignal>

#include "commands.h"
#include "core/duration.h"
#include "core/error.h"
#include "core/gnuplot.h"
#include "nn/memory_pool.h"
#include "progress_line.h"
#include "spec/skip_removal.h"
#include "stop_signals.h"
#include "train/curves.h"
#include "train/dynamics_training.h"
#include "train/plan.h"
#include "train/staged_training.h"

namespace odenet {

namespace {

using namespace odenet::train;

// Epochs to the log on the terminal and in log.txt, steps to the progress line.
class Console : public Observer {
 public:
  Console(std::filesystem::path log_file, const StopSignals& signals)
      : log_file_(std::move(log_file)), signals_(signals) {}

  bool should_stop() override { return signals_.requested(); }

  void on_stage(const StageStart& s) override {
    open_log();
    log_.info("stage {} of {}: {}, skips {}, {} of {} left, {} epochs", s.index + 1, s.count, s.model, s.skips,
              s.skips_left, s.skips.size(), s.epochs);
  }

  void on_start(const Plan& plan) override {
    open_log();
    if (!plan.system.empty()) {
      log_.info("{}: {} parameters, {} multiply-adds", plan.model, plan.parameters, plan.macs);
      log_.info("{}: {} training pairs of samples, {} test trajectories, {} steps", plan.system, plan.train_images,
                plan.test_images, plan.steps);
      return start_line(plan);
    }
    log_.info("{}: {} parameters, {:.1f} M multiply-adds an image", plan.model, plan.parameters, plan.macs / 1e6);
    log_.info("{} training images, {} test images, {} steps", plan.train_images, plan.test_images, plan.steps);
    if (plan.target_test_images > 0)
      log_.info("target: {} training images without labels, {} test images", plan.target_train_images,
                plan.target_test_images);
    start_line(plan);
  }

  void start_line(const Plan& plan) {
    log_.info("{}, {} threads{}; {}", plan.device, plan.threads,
              plan.workers > 1 ? fmt::format(" in each of {} processes", plan.workers) : "", plan.precision);
    if (!plan.warning.empty()) log_.warn("{}", plan.warning);
    if (plan.first_step > 0) log_.info("goes on after step {} of {}", plan.first_step, plan.steps);
  }

  void on_step(const Progress& p) override {
    line_.show(p.step == p.steps, [&] {
      const std::string work = p.trials > 0 ? fmt::format("  {:.1f} evaluations, {:.1f} of {:.1f} trials rejected",
                                                          p.evaluations, p.rejected, p.trials)
                                            : "";
      const std::string quality =
          p.dynamics ? fmt::format("loss {:.4g}", p.loss) : fmt::format("loss {:.4f}  top-1 {:.2f} %", p.loss, p.top1);
      return fmt::format("epoch {}/{} step {}/{}  {}{}  {:.0f} {}/s  {} left", p.epoch, p.epochs, p.step, p.steps,
                         quality, work, p.images_per_second, p.dynamics ? "pairs" : "images", duration(p.seconds_left));
    });
  }

  void on_epoch(const EpochResult& r) override {
    line_.clear();
    const std::string test =
        r.tested ? fmt::format("  test loss {:.4f} top-1 {:.2f} %{}", r.test_loss, r.test_top1, r.best ? " (best)" : "")
                 : "";
    const std::string target = r.has_target && r.tested ? fmt::format("  target top-1 {:.2f} %", r.target_top1) : "";
    const std::string work = r.adaptive ? fmt::format("  {:.1f} + {:.1f} evaluations, {:.1f} of {:.1f} trials rejected",
                                                      r.evaluations, r.backward_evaluations, r.rejected, r.trials)
                                        : "";
    if (r.dynamics) {
      const std::string rollout = r.tested ? fmt::format("  test loss {:.4g} rollout error {:.4g}{}", r.test_loss,
                                                         r.rollout_error, r.best ? " (best)" : "")
                                           : "";
      return log_.info("epoch {}  lr {:.4g}  train loss {:.4g}{}{}  {:.0f} pairs/s", r.epoch, r.lr, r.train_loss,
                       rollout, work, r.images_per_second);
    }
    log_.info("epoch {}  lr {:.4g}  train loss {:.4f} top-1 {:.2f} %{}{}{}  {:.0f} images/s", r.epoch, r.lr,
              r.train_loss, r.train_top1, test, target, work, r.images_per_second);
  }

 private:
  void open_log() {
    if (!log_.sinks().empty()) return;
    log_.sinks().push_back(std::make_shared<spdlog::sinks::stderr_sink_st>());
    log_.sinks().push_back(std::make_shared<spdlog::sinks::basic_file_sink_st>(log_file_.string()));
    log_.set_pattern("%Y-%m-%d %H:%M:%S %v");
    log_.flush_on(spdlog::level::info);
  }

  std::filesystem::path log_file_;
  const StopSignals& signals_;
  spdlog::logger log_{"train"};
  ProgressLine line_;
};

std::string option_name(std::string_view field) {
  std::string name = "--" + std::string(field);
  std::replace(name.begin(), name.end(), '_', '-');
  return name;
}

struct TrainOptions {
  std::string config, out, resume;
  bool dry_run = false;
  std::vector<std::pair<std::string_view, std::string>> overrides;
};

// What a continued training may be given: where it runs and how often it saves, not what it computes.
constexpr std::string_view kResumable[] = {"threads", "device", "data_dir", "checkpoint_minutes"};

TrainConfig resumed_config(const TrainOptions& options, TrainConfig config) {
  for (const auto& [name, value] : options.overrides) {
    if (std::ranges::count(kResumable, name) == 0)
      throw Error(
          "{} cannot be given with --resume: {} goes on with the settings of its config.toml. Start a new run "
          "for others; only {}, {}, {} and {} may change",
          option_name(name), options.resume, option_name(kResumable[0]), option_name(kResumable[1]),
          option_name(kResumable[2]), option_name(kResumable[3]));
    set_field(config, name, value);
  }
  return config;
}

TrainConfig new_config(const TrainOptions& options) {
  TrainConfig config;
  if (!options.config.empty()) load_config(config, options.config);
  for (const auto& [name, value] : options.overrides) set_field(config, name, value);
  return config;
}

// TOML, and the plan as comments: the output is a config file.
void dry_run(const TrainConfig& settings) {
  if (trains_dynamics(settings)) {
    validate(settings);
    fmt::print("{}\n# {}: {} parameters, {} multiply-adds\n", to_toml(settings), settings.model,
               dynamics_parameters(settings), dynamics_macs(settings));
    return;
  }
  const TrainConfig config = resolve_with_teacher(settings);
  const Plan plan = make_plan(config);
  fmt::print("{}\n", to_toml(config));
  fmt::print("# {}: {} parameters, {:.1f} M multiply-adds an image\n", plan.model, plan.parameters,
             static_cast<double>(plan.macs) / 1e6);
  fmt::print("# {} training images, {} test images\n", plan.train_images, plan.test_images);
  if (plan.target_test_images > 0)
    fmt::print("# target: {} training images without labels, {} test images\n", plan.target_train_images,
               plan.target_test_images);
  fmt::print("# {} steps of {} images in {} epochs\n", plan.steps, config.batch, config.epochs);
  for (const TrainingStage& stage : plan_with_teacher(config))
    fmt::print("# {}: skips {}, {} epochs, learning rate {}\n", stage.name, skip_letters(stage.spec),
               stage.config.epochs, stage.config.lr);
  const Estimate measured = estimate(config, plan);
  fmt::print("# {}\n", measured.precision);
  const auto megabytes = [](int64_t bytes) { return static_cast<double>(bytes) / 1e6; };
  fmt::print("# about {:.0f} MB of memory for tensors, predicted\n", megabytes(measured.bytes));
  for (const MethodMemory& method : measured.methods)
    fmt::print("#   {:.0f} MB with gradient {}\n", megabytes(method.bytes), method.gradient);
  fmt::print("# {:.1f} ms a step, measured now: {} for the training, tests apart\n", 1e3 * measured.seconds_a_step,
             duration(measured.seconds));
}

// A picture that fails takes nothing from the training.
void draw(const RunFolder& run) {
  if (run.results().empty()) return;
  if (!can_draw_pictures()) {
    fmt::print("no curves drawn: gnuplot is missing; install it with: apt-get install gnuplot-nox\n");
    return;
  }
  const std::string name = fmt::format("{} on {}", run.config().model, run.config().dataset);
  try {
    for (const char* picture : {"curves.svg", "curves.png"}) draw_curves({{name, run.results()}}, run.path() / picture);
  } catch (const Error& e) {
    print_stderr(fmt::format("warning: no curves drawn: {}\n", e.what()));
  }
}

// signal: that this process got, 0 if it was another one of several.
ExitStatus stopped_by(int signal) { return {128 + (signal != 0 ? signal : SIGTERM)}; }

void report_stop(bool stopped, const TrainConfig& config, const RunFolder& run, const StopSignals& signals) {
  if (!stopped) return;
  print_stderr(fmt::format("stopped after {} of {} epochs; go on with: odenet train --resume {}\n",
                           run.results().size(), config.epochs, run.path().string()));
  draw(run);
  throw stopped_by(signals.signal());
}

void run_dynamics(const TrainConfig& config, RunFolder& run) {
  const StopSignals signals;
  Console console(run.path() / "log.txt", signals);
  const TrainResult result = train_dynamics(config, run, console);
  report_stop(result.stopped, config, run, signals);
  fmt::print("best rollout error {:.4g}, last {:.4g}, {:.0f} pairs/s; {}\n", result.best_rollout_error,
             result.last_rollout_error, result.images_per_second, find_checkpoint(run.path()).string());
  draw(run);
}

void require_one_process_for_dynamics(const TrainConfig& config, const WorkerEnvironment& environment) {
  if (trains_dynamics(config) && environment.size > 1)
    throw Error("{} is trained by one process, and these are {}", config.dataset, environment.size);
}

void run_training(const TrainConfig& config, RunFolder& run, const WorkerEnvironment& environment) {
  require_one_process_for_dynamics(config, environment);
  if (trains_dynamics(config)) return run_dynamics(config, run);
  const StopSignals signals;
  Console console(run.path() / "log.txt", signals);
  const StagedResult result = train_in_stages(config, &run, run.path(), console, environment);
  fmt::print("{}", stages_text(result.stages));
  report_stop(result.stopped, config, run, signals);
  if (run.results().empty())
    return fmt::print("the initial network, not tested: {}\n", find_checkpoint(run.path()).string());
  fmt::print("best top-1 {:.2f} %, last {:.2f} %, {:.0f} images/s; {}\n", result.best_top1, result.last_top1,
             result.images_per_second, find_checkpoint(run.path()).string());
  if (std::error_code code; std::filesystem::exists(run.target(), code))
    fmt::print("target: {} top-1 {:.2f} %; {}\n", config.target, result.target_top1, run.target().string());
  draw(run);
}

// A worker but the first: computes its share, and leaves folder and terminal to the first.
class Assistant : public Observer {
 public:
  bool should_stop() override { return signals_.requested(); }
  const StopSignals& signals() const { return signals_; }

 private:
  StopSignals signals_;
};

void assist(const TrainConfig& config, const std::filesystem::path& folder, const WorkerEnvironment& environment) {
  require_one_process_for_dynamics(config, environment);
  Assistant assistant;
  const TrainResult result = train_in_stages(config, nullptr, folder, assistant, environment);
  if (result.stopped) throw stopped_by(assistant.signals().signal());
}

void run(const TrainOptions& options) {
  const WorkerEnvironment environment = worker_environment();
  nn::MemoryPool::install();
  if (!options.resume.empty()) {
    if (environment.rank > 0)
      return assist(resumed_config(options, read_run(options.resume).config), options.resume, environment);
    RunFolder folder = RunFolder::open(options.resume);
    return run_training(resumed_config(options, folder.config()), folder, environment);
  }
  const TrainConfig config = new_config(options);
  if (options.dry_run) return dry_run(config);
  if (options.out.empty()) throw Error("train needs --out RUN (a new run), --resume RUN or --dry-run");
  if (environment.rank > 0) return assist(config, options.out, environment);
  RunFolder folder(options.out);
  run_training(config, folder, environment);
}

}  // namespace

void add_train(CLI::App& app) {
  auto* command = app.add_subcommand("train", "train a network; writes a run folder");
  command->footer(
      "Ctrl-C finishes the batch, saves, and says how to go on; a second one ends at once. Files are whole at any "
      "time.");
  auto options = std::make_shared<TrainOptions>();
  auto* config =
      command->add_option("--config", options->config, "TOML file of settings; the options below override it");
  auto* out = command->add_option("--out", options->out, "run folder to create");
  auto* resume = command->add_option(
      "--resume", options->resume,
      "run folder to go on with, by its own settings; takes other --threads, --device, --data-dir and "
      "--checkpoint-minutes. Ends with the bytes of an uninterrupted run, unless --threads or --device change");
  auto* dry = command->add_flag("--dry-run", options->dry_run, "print the settings and the plan, and train nothing");
  resume->excludes(config)->excludes(out)->excludes(dry);
  const TrainConfig defaults;
  for (const Field& field : fields()) {
    const auto store = [options, name = field.name](const std::string& value) {
      options->overrides.emplace_back(name, value);
    };
    command->add_option_function<std::string>(option_name(field.name), store, field.help)
        ->group(std::string(field.group))
        ->type_name(std::string(field_type(field)))
        ->default_str(field_text(defaults, field));
  }
  command->callback([options] { run(*options); });
}

}  // namespace odenet
