// Everything that decides a training run, as one flat table: the fields are the keys of config.toml and the options of
// `odenet train`.
//
//   TrainConfig config;
//   load_config(config, "configs/cifar100/resnet-20-modern.toml");
//   set_field(config, "epochs", "10");
//   validate(config);
//   write_file(run / "config.toml", to_toml(config));   // resolved: reproduces the run
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "spec/network_spec.h"

namespace odenet::train {

struct TrainConfig {
  std::string model = "biased-odenet-20";
  std::string skips = "";
  std::string weights = "";
  int64_t quantize = 0;
  std::string activations = "";
  std::string dataset = "sample";
  std::string data_dir = "data";
  int64_t train_limit = 0;
  int64_t test_limit = 0;
  int64_t epochs = 10;
  int64_t batch = 128;
  std::string schedule = "one-cycle";
  double lr = 0.4;
  double warmup_epochs = 0;
  std::vector<double> milestones{100, 150};
  double gamma = 0.1;
  double momentum = 0.9;
  bool nesterov = true;
  double weight_decay = 5e-4;
  bool decay_all = false;
  double label_smoothing = 0.1;
  bool augment = true;
  int64_t cutout = 0;
  double mixup = 0;
  double ema = 0;
  double end_time = 1.0;
  std::string norm = "batch";
  std::string teacher = "";
  std::string distillation = "none";
  double distillation_weight = 0;
  double temperature = 4;
  std::string start = "auto";
  int64_t skips_a_stage = 3;
  bool shorten = true;
  std::vector<double> stage_epochs{};
  std::vector<double> stage_lr{};
  std::string target = "";
  std::string adapt = "none";
  double adapt_weight = 0;
  std::string adapt_statistics = "separate";
  std::string solver = "euler";
  int64_t steps = 0;
  double step_size = 0;
  std::string controller = "fixed";
  double rtol = 1e-3;
  double atol = 1e-3;
  double first_step = 0.1;
  int64_t accepts = 3;
  int64_t rejects = 3;
  int64_t window = 0;
  std::string gradient = "backprop";
  int64_t seed = 1;
  int64_t test_every = 1;
  double checkpoint_minutes = 5;
  std::string precision = "auto";
  std::string device = "auto";
  int64_t threads = 0;

  bool operator==(const TrainConfig&) const = default;
};

struct Field {
  using Member = std::variant<std::string TrainConfig::*, int64_t TrainConfig::*, double TrainConfig::*,
                              bool TrainConfig::*, std::vector<double> TrainConfig::*>;
  std::string_view name;  // "weight_decay" in TOML, --weight-decay on the command line
  std::string help;
  Member member;
  std::string_view group = {};  // its heading, in TOML and on the command line
};

std::span<const Field> fields();

// What its text is: "TEXT", "INT", "FLOAT", "BOOL" or "LIST".
std::string_view field_type(const Field& field);

// Sets a field from text ("10", "true", "100,150"). Errors name the field, what was found and what is expected.
void set_field(TrainConfig& config, std::string_view name, std::string_view value);

// The field's value as set_field takes it.
std::string field_text(const TrainConfig& config, const Field& field);

// Sets the fields that the TOML file has. Its key `extends` names another file, or a list of files, relative to it:
// those come first, in order, so that later files override earlier ones and its own keys override all of them. Unknown
// keys, missing files and circles are errors that name the chain of files.
void load_config(TrainConfig& config, const std::filesystem::path& path);

std::string to_toml(const TrainConfig& config);

// Ranges, names and combinations; Error says what is expected. Files are not looked at.
void validate(const TrainConfig& config);

// What the settings say of steps that follow their error.
AdaptiveSteps adaptive_steps(const TrainConfig& config);

// Of the solver in that time, by steps or step_size; 0: the model's own number. Throws Error as ode::steps_of_size.
int64_t fixed_steps(const TrainConfig& config, double time);

// The network that is trained, with the classes of its data set. Error for unknown models, data sets, solvers and skips
// that it has not.
NetworkSpec network_spec(const TrainConfig& config);

}  // namespace odenet::train
