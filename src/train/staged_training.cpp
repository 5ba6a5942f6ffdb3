#include "train/staged_training.h"

#include <torch/torch.h>

#include <algorithm>

#include "core/duration.h"
#include "core/error.h"
#include "core/file.h"
#include "nn/device.h"
#include "spec/skip_removal.h"
#include "train/distillation.h"
#include "train/plan.h"

namespace odenet::train {

namespace fs = std::filesystem;

namespace {

constexpr const char* kStages = "stages";
constexpr const char* kTable = "stages.csv";

bool is_there(const fs::path& path) {
  std::error_code code;
  return fs::exists(path, code);
}

// The network of the teacher at `path`; nothing without one.
std::optional<NetworkSpec> teacher_spec(const TrainConfig& config, const fs::path& path) {
  if (config.teacher.empty()) return {};
  return load_teacher(path, config).network->spec();
}

// A stage's news as those of the whole training.
class StageObserver : public Observer {
 public:
  StageObserver(Observer& whole, int64_t epochs_before, int64_t epochs, std::function<void()> on_files)
      : whole_(whole), epochs_before_(epochs_before), epochs_(epochs), on_files_(std::move(on_files)) {}

  void on_start(const Plan& plan) override {
    images_ = plan.train_images;
    Plan told = plan;
    if (!precision_.empty()) told.precision = as_when_it_began(precision_);
    whole_.on_start(told);
  }
  void on_step(const Progress& p) override {
    Progress all = p;
    const int64_t later = epochs_ - epochs_before_ - p.epochs;
    all.epoch += epochs_before_;
    all.epochs = epochs_;
    all.seconds_left += static_cast<double>(later * images_) / p.images_per_second;
    whole_.on_step(all);
  }
  void on_epoch(const EpochResult& result) override {
    on_files_();
    EpochResult row = result;
    row.epoch += epochs_before_;
    whole_.on_epoch(row);
  }
  bool should_stop() override { return stop_asked_ = whole_.should_stop() || stop_asked_; }
  bool stop_asked() const { return stop_asked_; }

  // The whole training, in that precision.
  void goes_on_in(std::string precision) { precision_ = std::move(precision); }

 private:
  Observer& whole_;
  bool stop_asked_ = false;
  std::string precision_;  // of a training that goes on, else empty
  int64_t epochs_before_, epochs_, images_ = 0;
  std::function<void()> on_files_;
};

class StagedTraining {
 public:
  StagedTraining(TrainConfig config, std::vector<TrainingStage> stages, RunFolder* run, fs::path folder,
                 Observer& observer, const WorkerEnvironment& environment)
      : config_(std::move(config)),
        stages_(std::move(stages)),
        run_(run),
        folder_(std::move(folder)),
        observer_(observer),
        environment_(environment) {}

  StagedResult run() {
    Workers workers;
    if (environment_.size > 1)
      workers = Workers(environment_, nn::choose_device(config_.device, environment_.local_rank));
    if (run_) begin();
    double first[] = {run_ ? static_cast<double>(current_stage()) : 0.0};
    workers.sum(first);
    StagedResult result;
    for (auto i = static_cast<size_t>(first[0]); i < stages_.size() && !result.stopped; ++i) {
      static_cast<TrainResult&>(result) = train_stage(i, workers);
      double stop[] = {stop_asked_ ? 1.0 : 0.0};  // maybe in its last step
      workers.sum(stop);                          // waits, too: the next stage reads what this one has written
      result.stopped = result.stopped || (stop[0] > 0 && i + 1 < stages_.size());
    }
    if (run_) summarise(result);
    return result;
  }

 private:
  fs::path stage_folder(size_t i) const { return folder_ / kStages / stages_[i].name; }
  fs::path last_of(size_t i) const { return stage_folder(i) / "last.safetensors"; }
  fs::path kept_teacher() const { return folder_ / "teacher.safetensors"; }

  void begin() {
    if (!run_->opened()) run_->create(resolve_machine(config_, environment_));
    if (!config_.teacher.empty() && !is_there(run_->teacher()))
      write_file(run_->teacher(), read_file(find_checkpoint(config_.teacher)));
    create_folder(folder_ / kStages);
    write_derived_files();
  }

  // The rows of a stage; none if it has not begun.
  std::vector<EpochResult> results_of(size_t i) const {
    return has_begun(i) ? read_run(stage_folder(i)).results : std::vector<EpochResult>();
  }

  // The last stage that has begun: complete or not, going on with it brings its files in line (train/run_folder.h).
  size_t current_stage() const {
    size_t i = 0;
    while (i + 1 < stages_.size() && has_begun(i + 1)) ++i;
    return i;
  }
  bool has_begun(size_t i) const { return is_there(stage_folder(i) / "config.toml"); }

  TrainConfig config_of(size_t i) const {
    TrainConfig config = stages_[i].config;
    const bool from_teacher = i == 0 && config_.start == "teacher";
    if (i > 0) config.weights = last_of(i - 1).string();
    if (from_teacher) config.weights = kept_teacher().string();
    if (config.distillation != "none")
      config.teacher = (config_.teacher.empty() ? last_of(0) : kept_teacher()).string();
    return config;
  }

  TrainResult train_stage(size_t i, Workers& workers) {
    int64_t before = 0;
    for (size_t k = 0; k < i; ++k) before += stages_[k].config.epochs;
    const TrainingStage& stage = stages_[i];
    observer_.on_stage({.index = i,
                        .count = stages_.size(),
                        .model = stage.spec.model,
                        .skips = skip_letters(stage.spec),
                        .skips_left = skip_count(stage.spec),
                        .epochs = stage.config.epochs});
    StageObserver observer(observer_, before, config_.epochs, [this] { write_derived_files(); });
    if (run_ && run_->opened()) observer.goes_on_in(config_.precision);
    TrainConfig config = config_of(i);
    std::optional<RunFolder> run;
    if (run_) run = has_begun(i) ? RunFolder::open(stage_folder(i)) : RunFolder(stage_folder(i));
    if (run && run->opened()) config.precision = run->config().precision;
    const TrainResult result = train(config, run ? &*run : nullptr, observer, environment_, workers);
    stop_asked_ = observer.stop_asked();
    return result;
  }

  std::vector<StageSummary> summaries() const {
    std::vector<StageSummary> rows;
    for (size_t i = 0; i < stages_.size() && has_begun(i); ++i) {
      const NetworkSpec& spec = stages_[i].spec;
      StageSummary& row = rows.emplace_back();
      row.folder = (fs::path(kStages) / stages_[i].name).string();
      row.model = spec.model;
      row.skips = skip_letters(spec);
      row.skips_left = skip_count(spec);
      row.parameters = parameter_count(spec);
      row.epochs = stages_[i].config.epochs;
      const std::vector<EpochResult> results = results_of(i);
      row.completed = std::ssize(results);
      for (const EpochResult& result : results) {
        row.seconds += result.seconds;
        if (result.tested) row.last_top1 = result.test_top1;
      }
      const EpochResult* best = best_result(results);
      row.tested = best != nullptr;
      if (best) row.best_top1 = best->test_top1;
    }
    return rows;
  }

  // What follows from the folders of the stages; writing it again changes nothing.
  void write_derived_files() {
    std::vector<EpochResult> all;
    for (size_t i = 0; i < stages_.size(); ++i)
      for (EpochResult& row : results_of(i)) {
        row.epoch = std::ssize(all) + 1;
        all.push_back(row);
      }
    std::string table =
        "stage,network,skips,skips_left,parameters,epochs,completed,best_top1,last_top1,seconds,folder\n";
    const std::vector<StageSummary> rows = summaries();
    for (size_t i = 0; i < rows.size(); ++i) {
      const StageSummary& row = rows[i];
      table +=
          fmt::format("{},{},{},{},{},{},{},{},{},{:.3f},{}\n", i + 1, row.model, row.skips, row.skips_left,
                      row.parameters, row.epochs, row.completed, row.tested ? fmt::format("{}", row.best_top1) : "",
                      row.tested ? fmt::format("{}", row.last_top1) : "", row.seconds, row.folder);
    }
    const fs::path model = stage_folder(stages_.size() - 1);
    for (const char* name : {"last.safetensors", "best.safetensors", "target.safetensors"})
      if (is_there(model / name)) write_file(folder_ / name, read_file(model / name));
    write_file(folder_ / kTable, table);
    run_->replace_epochs(std::move(all));
  }

  void summarise(StagedResult& result) {
    write_derived_files();
    result.stages = summaries();
    const std::vector<EpochResult> rows = results_of(stages_.size() - 1);
    result.best_top1 = result.last_top1 = 0;
    if (!rows.empty()) {
      result.best_top1 = result.stages.back().best_top1;
      result.last_top1 = result.stages.back().last_top1;
    }
    result.images_per_second = median_speed(run_->results());
  }

  const TrainConfig config_;
  const std::vector<TrainingStage> stages_;
  RunFolder* run_;  // null for workers but the first
  const fs::path folder_;
  Observer& observer_;
  const WorkerEnvironment& environment_;
  bool stop_asked_ = false;  // in the stage that was trained last, by this process's observer
};

// The teacher's file: the copy of a run that has begun, for workers without the run, too; else the one of the config.
fs::path teacher_file(const TrainConfig& config, const RunFolder* run, const fs::path& folder) {
  const fs::path copy = RunFolder::teacher_in(folder);
  const bool may_have_begun = !run || run->opened();
  return may_have_begun && is_there(copy) ? copy : fs::path(config.teacher);
}

}  // namespace

StagedResult train_in_stages(const TrainConfig& config, RunFolder* run, const fs::path& folder, Observer& observer,
                             const WorkerEnvironment& environment) {
  validate(config);
  const fs::path file = teacher_file(config, run, folder);
  const std::optional<NetworkSpec> teacher = teacher_spec(config, file);
  TrainConfig resolved = resolve_stages(config, teacher);
  if (!run && !config.teacher.empty()) resolved.teacher = file.string();
  std::vector<TrainingStage> stages = plan_stages(resolved, teacher);
  if (!stages.empty())
    return StagedTraining(std::move(resolved), std::move(stages), run, folder, observer, environment).run();
  StagedResult result;
  static_cast<TrainResult&>(result) = train(resolved, run, observer, environment);
  return result;
}

TrainConfig resolve_with_teacher(const TrainConfig& config) {
  validate(config);
  return resolve_stages(config, teacher_spec(config, config.teacher));
}

std::vector<TrainingStage> plan_with_teacher(const TrainConfig& resolved) {
  return plan_stages(resolved, teacher_spec(resolved, resolved.teacher));
}

std::string stages_text(std::span<const StageSummary> stages) {
  if (stages.empty()) return "";
  size_t width = 7;
  for (const StageSummary& stage : stages) width = std::max(width, stage.model.size());
  std::string text = fmt::format("stage  {:<{}}  skips left  parameters    epochs  best top-1  last top-1      time\n",
                                 "network", width);
  for (size_t i = 0; i < stages.size(); ++i) {
    const StageSummary& s = stages[i];
    const auto percent = [&](double value) { return s.tested ? fmt::format("{:.2f} %", value) : "-"; };
    text += fmt::format(
        "{:>5}  {:<{}}  {:>10}  {:>10}  {:>8}  {:>10}  {:>10}  {:>8}\n", i + 1, s.model, width,
        fmt::format("{} of {}", s.skips_left, s.skips.size()), s.parameters,
        s.completed == s.epochs ? fmt::format("{}", s.epochs) : fmt::format("{} of {}", s.completed, s.epochs),
        percent(s.best_top1), percent(s.last_top1), duration(s.seconds));
  }
  return text;
}

}  // namespace odenet::train
