// odenet train: config and options to a run folder.
#include <fmt/format.h>
#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include "commands.h"
#include "progress_line.h"
#include "train/trainer.h"

namespace odenet {

namespace {

using namespace odenet::train;

// Epochs to the log on the terminal and in log.txt, steps to the progress line.
class Console : public Observer {
 public:
  explicit Console(std::filesystem::path log_file) : log_file_(std::move(log_file)) {}

  void on_start(const Plan& plan) override {
    log_.sinks().push_back(std::make_shared<spdlog::sinks::stderr_sink_st>());
    log_.sinks().push_back(std::make_shared<spdlog::sinks::basic_file_sink_st>(log_file_.string()));
    log_.set_pattern("%Y-%m-%d %H:%M:%S %v");
    log_.flush_on(spdlog::level::info);
    log_.info("{}: {} parameters, {:.1f} M multiply-adds an image", plan.model, plan.parameters, plan.macs / 1e6);
    log_.info("{} training images, {} test images, {} steps, {} threads", plan.train_images, plan.test_images,
              plan.steps, plan.threads);
  }

  void on_step(const Progress& p) override {
    line_.show(p.step == p.steps, [&] {
      return fmt::format("epoch {}/{} step {}/{}  loss {:.4f}  top-1 {:.2f} %  {:.0f} images/s  {} left", p.epoch,
                         p.epochs, p.step, p.steps, p.loss, p.top1, p.images_per_second, duration(p.seconds_left));
    });
  }

  void on_epoch(const EpochResult& r) override {
    line_.clear();
    log_.info(
        "epoch {}  lr {:.4g}  train loss {:.4f} top-1 {:.2f} %  test loss {:.4f} top-1 {:.2f} %{}  {:.0f} images/s",
        r.epoch, r.lr, r.train_loss, r.train_top1, r.test_loss, r.test_top1, r.best ? " (best)" : "",
        r.images_per_second);
  }

 private:
  std::filesystem::path log_file_;
  spdlog::logger log_{"train"};
  ProgressLine line_;
};

std::string option_name(std::string_view field) {
  std::string name = "--" + std::string(field);
  std::replace(name.begin(), name.end(), '_', '-');
  return name;
}

}  // namespace

void add_train(CLI::App& app) {
  struct Options {
    std::string config, out;
    std::vector<std::pair<std::string_view, std::string>> overrides;
  };
  auto* command = app.add_subcommand("train", "train a network; writes a run folder");
  auto options = std::make_shared<Options>();
  command->add_option("--config", options->config, "TOML file of settings; the options below override it");
  command->add_option("--out", options->out, "run folder to create")->required();
  const TrainConfig defaults;
  for (const Field& field : fields()) {
    const auto store = [options, name = field.name](const std::string& value) {
      options->overrides.emplace_back(name, value);
    };
    command->add_option_function<std::string>(option_name(field.name), store, field.help)
        ->default_str(field_text(defaults, field));
  }
  command->callback([options] {
    TrainConfig config;
    if (!options->config.empty()) load_config(config, options->config);
    for (const auto& [name, value] : options->overrides) set_field(config, name, value);
    RunFolder run(options->out);
    Console console(run.path() / "log.txt");
    const TrainResult result = train::train(config, run, console);
    fmt::print("best top-1 {:.2f} %, last {:.2f} %, {:.0f} images/s; {}\n", result.best_top1, result.last_top1,
               result.images_per_second, train::find_checkpoint(run.path()).string());
  });
}

}  // namespace odenet
