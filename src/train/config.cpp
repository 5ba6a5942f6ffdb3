#include "train/config.h"

#include <algorithm>
#include <array>
#include <cmath>
#define TOML_EXCEPTIONS 1
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Warray-bounds"  // GCC 12 at -O3 sees one broken that is not
#include <toml++/toml.h>
#pragma GCC diagnostic pop

#include "core/error.h"
#include "core/file.h"
#include "core/names.h"
#include "core/parse_number.h"
#include "data/dataset.h"
#include "dynamics/system.h"
#include "fixed/trained_formats.h"
#include "nn/device.h"
#include "ode/gradient_method.h"
#include "ode/step_controller.h"
#include "spec/skip_removal.h"
#include "spec/zoo.h"
#include "train/adaptation.h"
#include "train/distillation.h"
#include "train/dynamics_training.h"
#include "train/schedule.h"
#include "train/stages.h"

namespace odenet::train {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view kExtends = "extends";
constexpr double kLeastTolerance = 1e-7;
constexpr std::string_view kAdaptiveGroup = "Steps that follow their error";

Error bad_value(std::string_view name, std::string_view value, std::string_view expected) {
  return Error("{} is '{}', expected {}", name, value, expected);
}

struct Setter {
  TrainConfig& config;
  std::string_view name, text;

  void operator()(std::string TrainConfig::*member) const { config.*member = std::string(text); }
  void operator()(int64_t TrainConfig::*member) const {
    if (!parse_number(text, config.*member)) throw bad_value(name, text, "a whole number");
  }
  void operator()(double TrainConfig::*member) const {
    if (!parse_number(text, config.*member) || !std::isfinite(config.*member)) throw bad_value(name, text, "a number");
  }
  void operator()(bool TrainConfig::*member) const {
    if (text != "true" && text != "false") throw bad_value(name, text, "true or false");
    config.*member = text == "true";
  }
  void operator()(std::vector<double> TrainConfig::*member) const {
    std::vector<double> values;
    for (size_t begin = 0; begin < text.size();) {
      const size_t end = std::min(text.find(',', begin), text.size());
      if (!parse_number(text.substr(begin, end - begin), values.emplace_back()))
        throw bad_value(name, text, "numbers separated by commas");
      begin = end + 1;
    }
    config.*member = values;
  }
};

// A TOML value as the text that set_field takes; empty if it is of a type that no field has.
std::string text_of(const toml::node& node) {
  if (const auto* s = node.as_string()) return s->get();
  if (const auto* i = node.as_integer()) return fmt::format("{}", i->get());
  if (const auto* d = node.as_floating_point()) return fmt::format("{}", d->get());
  if (const auto* b = node.as_boolean()) return b->get() ? "true" : "false";
  std::string text;
  if (const auto* list = node.as_array())
    for (const auto& item : *list) text += fmt::format("{}{}", text.empty() ? "" : ",", text_of(item));
  return text;
}

std::string model_help() {
  return "network: " + names_of(families()) + ", followed by -N; for dynamic systems mlp-W of width W";
}

std::string distillation_weight_help() {
  std::string text = "share of the teacher's loss, the rest is that of the labels; 0: the method's own,";
  for (const DistillationMethod& method : distillation_methods())
    text += fmt::format("{} {} of {}", &method == distillation_methods().data() ? "" : ",", method.weight, method.name);
  return text;
}

// "dann: features that a discriminator cannot tell apart; ..."
std::string adapt_help() {
  std::string text;
  for (const AdaptMethod& method : adapt_methods())
    text += fmt::format("{}{}: {}", text.empty() ? "" : "; ", method.name, method.help);
  return text;
}

std::string adapt_weight_help() {
  std::string text = "weight of the adaptation's loss, which it grows to; 0: the method's own";
  for (const AdaptMethod& method : adapt_methods())
    if (method.weight > 0) text += fmt::format(", {} {}", method.name, method.weight);
  return text;
}

std::string norm_help() {
  std::string text = "norms of the blocks";
  for (const NormName& norm : norm_kinds()) text += fmt::format("; {}: {}", norm.name, norm.help);
  return text;
}

std::string controller_help() {
  std::string text = "steps of ODEBlocks.";
  for (const ode::ControllerRow& row : ode::controllers())
    text += fmt::format("{} {}: {}", text.back() == '.' ? "" : ";", row.name, row.help);
  return text;
}

std::string gradient_help() {
  std::string text = "how ODEBlocks are differentiated:";
  for (const ode::GradientRow& row : ode::gradients())
    text += fmt::format("{} {}, {}", text.back() == ':' ? "" : ";", row.name, row.help);
  return text;
}

struct Group {
  std::string_view name;
  std::vector<Field> fields;
};

std::vector<Field> flat(std::vector<Group> groups) {
  std::vector<Field> all;
  for (Group& group : groups)
    for (Field& field : group.fields) all.emplace_back(std::move(field)).group = group.name;
  return all;
}

const Field& find_field(std::string_view name) {
  if (const Field* field = find_named(fields(), name)) return *field;
  throw Error("unknown setting '{}'; there are {}", name, names_of(fields()));
}

void require(bool condition, std::string_view name, const auto& value, std::string_view expected) {
  if (!condition) throw bad_value(name, fmt::format("{}", value), expected);
}

void require_choice(std::span<const nn::Named> choices, std::string_view name, const std::string& value) {
  require(find_named(choices, value) != nullptr, name, value, "one of " + names_of(choices));
}

constexpr int kExactBits = 24;  // of float32

// Names and formats against the network that the integers would be.
void validate_activations(const TrainConfig& config, const NetworkSpec& spec) {
  fixed::Formats formats = fixed::formats_for_training(static_cast<int>(config.quantize), config.activations);
  const auto require_exact = [&](const fixed::Format& format) {
    require(format.width <= kExactBits, "activations", config.activations,
            fmt::format("formats of at most {} bits, which float32 holds exactly", kExactBits));
  };
  require_exact(formats.activation);
  for (const auto& [name, format] : formats.activations) require_exact(format);
  // Chosen for the weights that training ends with: nothing may fail by it here.
  formats.weight.fraction = fixed::Format::kMaxFraction;
  fixed::Network network = fixed::make_network(spec, formats);
  network.class_names.resize(static_cast<size_t>(spec.classes));
  fixed::check(network);
}

void validate_quantization(const TrainConfig& config, const NetworkSpec& spec) {
  require(config.quantize == 0 || (config.quantize >= 2 && config.quantize <= kExactBits), "quantize", config.quantize,
          fmt::format("0 or 2 to {} bits", kExactBits));
  require(config.quantize > 0 || config.activations.empty(), "activations", config.activations,
          "none without quantize");
  if (config.quantize == 0) return;
  require(!config.weights.empty(), "weights", config.weights, "a trained run with quantize, which goes on with it");
  require(config.precision != "bfloat16", "precision", config.precision,
          "auto or float32 with quantize, whose roundings bfloat16 would repeat");
  require(config.solver == Stage().solver && config.controller == AdaptiveSteps().controller, "solver", config.solver,
          "euler in fixed steps with quantize, as integer networks have");
  require(config.gradient == "backprop", "gradient", config.gradient, "backprop with quantize");
  if (!config.activations.empty()) validate_activations(config, spec);
}

// The files that are being read, each extended by the one before.
using Chain = std::vector<fs::path>;

std::string to_string(const Chain& chain) {
  std::string text;
  for (const fs::path& path : chain) text += (text.empty() ? "" : " extends ") + path.string();
  return text;
}

void apply_file(TrainConfig& config, const fs::path& path, Chain& chain);

// `extends` names a file, or several of which later ones override earlier ones, relative to the file that has it.
void apply_extended(TrainConfig& config, const toml::node& extends, Chain& chain) {
  const fs::path folder = chain.back().parent_path();
  const auto apply = [&](const toml::node& entry) {
    const auto* name = entry.as_string();
    if (name == nullptr || name->get().empty()) throw Error("extends: expected the name of a file, or a list of names");
    apply_file(config, (folder / name->get()).lexically_normal(), chain);
  };
  if (const auto* list = extends.as_array())
    for (const auto& entry : *list) apply(entry);
  else
    apply(extends);
}

// On an error, the chain ends with the file that has it.
void apply_file(TrainConfig& config, const fs::path& path, Chain& chain) {
  std::error_code code;
  const auto is_this = [&](const fs::path& other) { return fs::equivalent(other, path, code); };
  const bool circle = std::any_of(chain.begin(), chain.end(), is_this);
  chain.push_back(path);
  if (circle) throw Error("a circle; no file can extend itself");
  const toml::table table = toml::parse(read_text_file(path));
  if (const toml::node* extends = table.get(kExtends)) apply_extended(config, *extends, chain);
  for (const auto& [key, node] : table)
    if (key.str() != kExtends) set_field(config, key.str(), text_of(node));
  chain.pop_back();
}

void validate_adaptation(const TrainConfig& config) {
  const AdaptMethod& method = find_adapt_method(config.adapt);
  require(config.adapt_weight >= 0, "adapt_weight", config.adapt_weight, "0 or more");
  require_choice(adapt_statistics(), "adapt_statistics", config.adapt_statistics);
  if (config.target.empty()) {
    require(!method.uses_target, "adapt", config.adapt, "none without a target; name one with target");
    return;
  }
  const auto &source = data::find_dataset(config.dataset), &target = data::find_dataset(config.target);
  require(source.classes == target.classes, "target", config.target,
          fmt::format("a data set with the classes of {}, which has {}; it has {}", source.name, source.classes,
                      target.classes));
}

}  // namespace

std::span<const Field> fields() {
  static const auto table = flat({
      {"Network",
       {
           {"model", model_help(), &TrainConfig::model},
           {"skips",
            "of the model's residual blocks, a letter each from the input side: f full, s short, n none; empty: its "
            "own",
            &TrainConfig::skips},
           {"norm", norm_help(), &TrainConfig::norm},
           {"weights",
            "run folder or checkpoint whose weights the training starts with; the network is the same, but may have "
            "fewer skips, and integrate its ODEBlocks otherwise",
            &TrainConfig::weights},
       }},
      {"ODEBlocks",
       {
           {"end_time", "T: ODEBlocks integrate from 0 to T", &TrainConfig::end_time},
           {"solver", "of ODEBlocks: " + names_of(ode::solvers()), &TrainConfig::solver},
           {"steps", "of the solver in each ODEBlock; 0: the model's own number", &TrainConfig::steps},
           {"step_size", "of the solver, in time, in place of steps; 0: by steps", &TrainConfig::step_size},
           {"gradient", gradient_help(), &TrainConfig::gradient},
       }},
      {kAdaptiveGroup,
       {
           {"controller", controller_help(), &TrainConfig::controller},
           {"rtol", "tolerated error of a step, relative to the state", &TrainConfig::rtol},
           {"atol", "tolerated error of a step, absolute", &TrainConfig::atol},
           {"first_step", "the first trial's, in time", &TrainConfig::first_step},
           {"accepts", "controller slope: s_acc, accepted first trials in a row from which it lengthens steps",
            &TrainConfig::accepts},
           {"rejects", "controller slope: s_rej, rejected first trials in a row from which it shortens steps by more",
            &TrainConfig::rejects},
           {"window", "rows of the window that later trials are judged by; 0: all rows", &TrainConfig::window},
       }},
      {"Data",
       {
           {"dataset",
            "data set: " + names_of(data::datasets()) + "; or a dynamic system: " + names_of(dynamics::systems()),
            &TrainConfig::dataset},
           {"data_dir", "folder of the data set's files", &TrainConfig::data_dir},
           {"train_limit", "train on the first K images only; 0: all", &TrainConfig::train_limit},
           {"test_limit", "test on the first K images only; 0: all", &TrainConfig::test_limit},
           {"augment", "random crop with padding 4, and horizontal flip where mirrored pictures stay what they are",
            &TrainConfig::augment},
           {"cutout", "side of a square of each training image, in pixels, that is blanked at a random place; 0: none",
            &TrainConfig::cutout},
           {"mixup",
            "alpha of mixing pairs of training images and their labels, shares drawn from Beta(alpha, alpha); 0: none",
            &TrainConfig::mixup},
       }},
      {"Optimiser",
       {
           {"epochs", "passes over the training images; 0 writes the initial network", &TrainConfig::epochs},
           {"batch", "images a step", &TrainConfig::batch},
           {"schedule", "learning-rate schedule: " + names_of(schedules()), &TrainConfig::schedule},
           {"lr", "learning rate, the highest of the schedule", &TrainConfig::lr},
           {"warmup_epochs", "linear rise to it at the start, of schedules without a warm-up of their own; 0: none",
            &TrainConfig::warmup_epochs},
           {"milestones", "epochs at which the step schedule multiplies by gamma", &TrainConfig::milestones},
           {"gamma", "factor of the step schedule", &TrainConfig::gamma},
           {"momentum", "momentum of SGD", &TrainConfig::momentum},
           {"nesterov", "Nesterov's momentum", &TrainConfig::nesterov},
           {"weight_decay", "L2 regularisation of convolutions and fc weights", &TrainConfig::weight_decay},
           {"decay_all", "weight decay for norms and biases too", &TrainConfig::decay_all},
           {"label_smoothing", "share of the target spread over all classes", &TrainConfig::label_smoothing},
           {"ema", "decay a step of the moving average of the weights that is tested and saved, such as 0.999; 0: none",
            &TrainConfig::ema},
       }},
      {"Training for integers",
       {
           {"quantize",
            "train a network for integers of so many bits, in weights and activations, by rounding in the forward "
            "pass; needs weights. 0: a float network",
            &TrainConfig::quantize},
           {"activations",
            "with quantize: formats of the activations, as in odenet quantize; empty: chosen for the weights that it "
            "starts with",
            &TrainConfig::activations},
       }},
      {"Teachers and stages",
       {
           {"teacher",
            "run folder or checkpoint of a trained network, for distillation, or for its weights (see start). The run "
            "keeps a copy",
            &TrainConfig::teacher},
           {"distillation",
            "loss from the logits of the teacher, or of the first stage: none, " + names_of(distillation_methods()),
            &TrainConfig::distillation},
           {"distillation_weight", distillation_weight_help(), &TrainConfig::distillation_weight},
           {"temperature", "of kd", &TrainConfig::temperature},
           {"start",
            "network to begin with, from which the model comes by removing skips in stages: one such as "
            "short-resnet-20, with random weights; teacher, with its weights; model: no stages; auto: teacher if that "
            "is the model with more skips, else model",
            &TrainConfig::start},
           {"skips_a_stage", "skips removed in one stage, from the input side", &TrainConfig::skips_a_stage},
           {"shorten", "make full skips short, in a stage of its own, before they are removed", &TrainConfig::shorten},
           {"stage_epochs", "of each stage, together the epochs; empty: equal parts", &TrainConfig::stage_epochs},
           {"stage_lr", "learning rate of each stage; empty: lr", &TrainConfig::stage_lr},
       }},
      {"Domain adaptation",
       {
           {"target",
            "data set of the same classes to adapt to and to test on, besides dataset; its training images come "
            "without their labels, train_limit and test_limit hold for it too, and its test chooses no checkpoint; "
            "empty: none",
            &TrainConfig::target},
           {"adapt", "domain adaptation to the target. " + adapt_help(), &TrainConfig::adapt},
           {"adapt_weight", adapt_weight_help(), &TrainConfig::adapt_weight},
           {"adapt_statistics",
            "norm statistics of an adapted network. separate: each domain trains and is tested with its own; joint: "
            "of both together",
            &TrainConfig::adapt_statistics},
       }},
      {"Run",
       {
           {"seed", "of initial weights, order and augmentation", &TrainConfig::seed},
           {"test_every", "test, and compare with the best, after each K epochs, and after the last",
            &TrainConfig::test_every},
           {"checkpoint_minutes",
            "save what --resume needs at least that often, and after each epoch; 0: after every step",
            &TrainConfig::checkpoint_minutes},
           {"precision",
            names_of(nn::precision_names()) +
                "; auto: bfloat16 on a GPU or a CPU with AVX512-BF16 or AMX, else float32. In bfloat16 the weights "
                "that are saved, statistics, loss and optimiser stay float32",
            &TrainConfig::precision},
           {"device", names_of(nn::device_names()) + "; auto: a GPU where there is one", &TrainConfig::device},
           {"threads", "of the computation; 0: all cores", &TrainConfig::threads},
       }},
  });
  return table;
}

std::string_view field_type(const Field& field) {
  constexpr std::array<std::string_view, std::variant_size_v<Field::Member>> kTypes{"TEXT", "INT", "FLOAT", "BOOL",
                                                                                    "LIST"};  // as in Field::Member
  return kTypes[field.member.index()];
}

void set_field(TrainConfig& config, std::string_view name, std::string_view value) {
  std::visit(Setter{config, name, value}, find_field(name).member);
}

std::string field_text(const TrainConfig& config, const Field& field) {
  return std::visit(
      [&](const auto member) -> std::string {
        const auto& value = config.*member;
        if constexpr (std::is_same_v<std::decay_t<decltype(value)>, std::vector<double>>)
          return fmt::format("{}", fmt::join(value, ","));
        else
          return fmt::format("{}", value);
      },
      field.member);
}

void load_config(TrainConfig& config, const fs::path& path) {
  Chain chain;
  try {
    apply_file(config, path, chain);
  } catch (const toml::parse_error& e) {
    throw Error("{}:{}: {}", to_string(chain), e.source().begin.line, e.description());
  } catch (const Error& e) {
    throw Error("{}: {}", to_string(chain), e.what());
  }
}

std::string to_toml(const TrainConfig& config) {
  std::ostringstream out;
  std::string_view group;
  for (const Field& field : fields()) {
    if (field.group != group) out << (group.empty() ? "" : "\n") << "# " << field.group << "\n";
    group = field.group;
    out << field.name << " = ";
    if (const auto* text = std::get_if<std::string TrainConfig::*>(&field.member))
      out << toml::value<std::string>(config.**text);
    else if (std::holds_alternative<std::vector<double> TrainConfig::*>(field.member))
      out << "[" << field_text(config, field) << "]";
    else
      out << field_text(config, field);
    out << "\n";
  }
  return out.str();
}

namespace {

// What settings and network must have in common.
void validate_network(const TrainConfig& config) {
  const NetworkSpec spec = network_spec(config);
  const ode::GradientRow& gradient = ode::find_gradient(config.gradient);
  const bool has_ode_block = std::ranges::any_of(spec.stages, &Stage::ode);
  require(has_ode_block || gradient.gradient == ode::Gradient::kBackprop, "gradient", config.gradient,
          fmt::format("backprop for {}, which has no ODEBlock", spec.model));
  require(config.precision != "bfloat16" || !is_adaptive(spec), "precision", config.precision,
          "auto or float32 with adaptive steps, the errors of which bfloat16 would drown");
  require(config.precision != "bfloat16" || !gradient.rebuilds_states, "precision", config.precision,
          fmt::format("auto or float32 with gradient {}, which computes states backwards", gradient.name));
  validate_quantization(config, spec);
}

}  // namespace

void validate(const TrainConfig& config) {
  ode::check_pair(ode::find_gradient(config.gradient).gradient, ode::find_solver(config.solver));
  require(config.controller == "fixed" || config.steps == 0, "steps", config.steps,
          fmt::format("0 with controller {}, which chooses them", config.controller));
  require(config.step_size >= 0, "step_size", config.step_size, "0 or more");
  require(config.step_size == 0 || config.controller == "fixed", "step_size", config.step_size,
          fmt::format("0 with controller {}, which chooses it", config.controller));
  require(config.step_size == 0 || config.steps == 0, "step_size", config.step_size,
          fmt::format("0 with {} steps: give one of the two", config.steps));
  if (config.controller == "fixed")
    for (const Field& field : fields()) {
      if (field.group != kAdaptiveGroup) continue;
      const std::string value = field_text(config, field), usual = field_text(TrainConfig(), field);
      require(value == usual, field.name, value, usual + " without a controller, as nothing else uses it");
    }
  const bool dynamics = trains_dynamics(config);
  dynamics ? validate_dynamics(config) : validate_network(config);
  require(config.controller == "fixed" || config.rtol + config.atol >= kLeastTolerance, "rtol + atol",
          config.rtol + config.atol, "1e-7 or more, as float32 has no more digits");
  const Schedule& schedule = find_schedule(config.schedule);
  require(config.train_limit >= 0, "train_limit", config.train_limit, "0 or more");
  require(config.test_limit >= 0, "test_limit", config.test_limit, "0 or more");
  require(config.epochs >= 0 && config.epochs <= 100000, "epochs", config.epochs, "0 to 100000");
  require(config.batch >= 1 && config.batch <= 65536, "batch", config.batch, "1 to 65536");
  require(config.lr > 0, "lr", config.lr, "more than 0");
  require(config.warmup_epochs >= 0, "warmup_epochs", config.warmup_epochs, "0 or more");
  require(config.warmup_epochs == 0 || !schedule.own_warmup, "warmup_epochs", config.warmup_epochs,
          fmt::format("0 with the schedule {}, which warms up by itself", schedule.name));
  require(config.warmup_epochs == 0 || config.epochs == 0 || config.warmup_epochs < static_cast<double>(config.epochs),
          "warmup_epochs", config.warmup_epochs, fmt::format("less than the {} epochs", config.epochs));
  for (const double milestone : config.milestones)
    require(std::isfinite(milestone) && milestone >= 0, "milestones", milestone, "epochs, 0 or more");
  require(config.gamma > 0, "gamma", config.gamma, "more than 0");
  require(config.momentum >= 0 && config.momentum < 1, "momentum", config.momentum, "0 to below 1");
  require(!config.nesterov || config.momentum > 0, "momentum", config.momentum, "more than 0 with nesterov");
  require(config.weight_decay >= 0, "weight_decay", config.weight_decay, "0 or more");
  require(config.label_smoothing >= 0 && config.label_smoothing < 1, "label_smoothing", config.label_smoothing,
          "0 to below 1");
  require(config.cutout >= 0 && config.cutout <= 32, "cutout", config.cutout, "0 to 32");
  require(config.mixup >= 0 && config.mixup <= 100, "mixup", config.mixup, "0 to 100");
  require(config.ema >= 0 && config.ema < 1, "ema", config.ema, "0 to below 1");
  require(config.test_every >= 1, "test_every", config.test_every, "1 or more");
  require(config.checkpoint_minutes >= 0, "checkpoint_minutes", config.checkpoint_minutes, "0 or more");
  require_choice(nn::precision_names(), "precision", config.precision);
  require_choice(nn::device_names(), "device", config.device);
  require(config.threads >= 0 && config.threads <= 1024, "threads", config.threads, "0 to 1024");
  require(config.seed >= 0, "seed", config.seed, "0 or more");
  if (config.distillation != "none") find_distillation(config.distillation);
  require(config.distillation_weight >= 0 && config.distillation_weight <= 1, "distillation_weight",
          config.distillation_weight, "0 to 1");
  require(config.temperature > 0, "temperature", config.temperature, "more than 0");
  if (dynamics) return;
  validate_adaptation(config);
  validate_stages(config);
}

AdaptiveSteps adaptive_steps(const TrainConfig& config) {
  return {.controller = config.controller,
          .rtol = config.rtol,
          .atol = config.atol,
          .first_step = config.first_step,
          .accepts = static_cast<int>(config.accepts),
          .rejects = static_cast<int>(config.rejects),
          .window = static_cast<int>(config.window)};
}

int64_t fixed_steps(const TrainConfig& config, double time) {
  return config.step_size == 0 ? config.steps : ode::steps_of_size(time, config.step_size);
}

NetworkSpec network_spec(const TrainConfig& config) {
  NetworkSpec spec = make_spec(config.model, data::find_dataset(config.dataset).classes, config.end_time);
  spec = with_norms(std::move(spec), find_norm(config.norm));
  spec = with_solver(std::move(spec), config.solver, fixed_steps(config, config.end_time));
  spec = with_adaptive_steps(std::move(spec), adaptive_steps(config));
  return config.skips.empty() ? spec : with_skips(std::move(spec), config.skips);
}

}  // namespace odenet::train
