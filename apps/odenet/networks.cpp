#include "networks.h"

#include <algorithm>
#include <array>

#include "core/error.h"
#include "core/fingerprint.h"
#include "core/names.h"
#include "core/safetensors.h"
#include "dynamics/model.h"
#include "eval/fixed_backend.h"
#include "eval/rtl_backend.h"
#include "nn/float_backend.h"
#include "nn/resolve.h"
#include "ode/solver.h"
#include "ode/step_controller.h"
#include "train/run_folder.h"

namespace odenet {

namespace fs = std::filesystem;

namespace {

struct BackendRow {
  std::string_view name;
  std::unique_ptr<eval::Backend> (*make)(const NetworkFiles& files, const BackendOptions& options);
};

void refuse_solver(const BackendOptions& options) {
  if (options.solver.given())
    throw Error(
        "the steps of an integer network were chosen when it was made; give --solver and --steps to "
        "odenet quantize");
}

const std::array kBackends{
    BackendRow{"float",
               [](const NetworkFiles& files, const BackendOptions& options) -> std::unique_ptr<eval::Backend> {
                 return std::make_unique<nn::FloatBackend>(
                     load_float(files, options.solver, options.data_dir, options.threads));
               }},
    BackendRow{"fixed",
               [](const NetworkFiles& files, const BackendOptions& options) -> std::unique_ptr<eval::Backend> {
                 refuse_solver(options);
                 return std::make_unique<eval::FixedBackend>(files.load_quantized(), options.threads);
               }},
    BackendRow{"rtl",
               [](const NetworkFiles& files, const BackendOptions& options) -> std::unique_ptr<eval::Backend> {
                 refuse_solver(options);
                 return std::make_unique<eval::RtlBackend>(files.load_quantized(), options.engine.chosen(kUsualLayer),
                                                           options.macs, options.threads);
               }},
};

void refuse_predictor(const NetworkFiles& files) {
  if (files.predictor)
    throw Error("{} predicts a dynamic system; train, eval and compare take it, as other commands need images",
                files.named.string());
}

}  // namespace

const fs::path& NetworkFiles::need_checkpoint() const {
  refuse_predictor(*this);
  if (!checkpoint)
    throw Error("{} is a quantized network; the float backend needs its checkpoint or run folder", named.string());
  return *checkpoint;
}

fixed::Network NetworkFiles::load_quantized() const {
  refuse_predictor(*this);
  if (!quantized)
    throw Error("{} has no quantized network yet, neither {} nor {}; run: odenet quantize {}", named.string(),
                kQuantizedName, kOtherFormatsName, named.string());
  fixed::Network network = fixed::Network::load(*quantized);
  if (checkpoint && !network.made_from.empty() && network.made_from != fingerprint(SafeTensors::load(*checkpoint)))
    throw Error("{} was made from another network than {} is now; run: odenet quantize {}", quantized->string(),
                checkpoint->string(), named.string());
  return network;
}

fs::path quantized_path(const fs::path& checkpoint, const char* name) {
  const std::string stem = checkpoint.stem().string();
  const std::string prefix = stem == "best" || stem == "last" ? "" : stem + ".";
  return checkpoint.parent_path() / (prefix + name);
}

NetworkFiles find_networks(const fs::path& path) {
  NetworkFiles files{.named = path, .checkpoint = {}, .quantized = {}, .predictor = {}};
  const fs::path named = train::find_checkpoint(path);
  const SafeTensors file = SafeTensors::load(named);
  const auto format = file.metadata.find("format");
  std::error_code code;
  if (format != file.metadata.end() && format->second == dynamics::kModelFormat) {
    files.predictor = named;
  } else if (file.meta("format") == fixed::kNetworkFormat) {
    files.quantized = named;
  } else {
    files.checkpoint = named;
    for (const char* name : {kOtherFormatsName, kQuantizedName})  // the last one that is there
      if (fs::exists(quantized_path(named, name), code)) files.quantized = quantized_path(named, name);
  }
  return files;
}

std::string backend_names() { return names_of(kBackends); }

std::unique_ptr<eval::Backend> make_backend(const std::string& name, const NetworkFiles& files,
                                            const BackendOptions& options) {
  if (const BackendRow* row = find_named(kBackends, name)) return row->make(files, options);
  throw Error("unknown backend '{}'; there are {}", name, backend_names());
}

void add_engine_scope(CLI::App& command, EngineScope& engine, const std::string& usual) {
  command.add_option("--scope", engine.scope, "what the engine computes: block, one layer, or network, everything")
      ->capture_default_str()
      ->check(CLI::IsMember({"block", "network"}));
  command.add_option("--layer", engine.layer,
                     usual.empty() ? "of scope block, for example layer3_2" : "of scope block; default: " + usual);
}

std::string EngineScope::chosen(const std::string& usual) const {
  if (scope == "network") {
    if (!layer.empty()) throw Error("--layer {} and --scope network exclude each other", layer);
    return {};
  }
  if (layer.empty() && usual.empty())
    throw Error("--layer is missing: for example --layer layer3_2, or --scope network for all of it");
  return layer.empty() ? usual : layer;
}

void add_solver_options(CLI::App& command, SolverOptions& options) {
  start_group(command, "ODEBlocks, other than in training");
  command.add_option("--solver", options.solver, "of ODEBlocks: " + names_of(ode::solvers()));
  command.add_option("--steps", options.steps, "of the solver; 0: as in training")->capture_default_str();
  command.add_option("--step-size", options.step_size, "of the solver, in time, in place of --steps");
  command
      .add_option(
          "--statistics", options.images,
          fmt::format("training images on which the norms' statistics are measured anew; {} where the solver or "
                      "its steps are others, else none",
                      kStatisticsImages))
      ->check(CLI::Range(2, 1000000));
}

void add_controller_options(CLI::App& command, SolverOptions& options) {
  start_group(command, "Steps that follow their error, other than in training");
  command.add_option("--controller", options.controller, "what chooses the steps: " + names_of(ode::controllers()));
  command.add_option("--rtol", options.rtol, "tolerated error of a step, relative to the state");
  command.add_option("--atol", options.atol, "tolerated error of a step, absolute");
  command.add_option("--first-step", options.first_step, "the first trial's, in time");
  command.add_option("--accepts", options.accepts,
                     "controller slope: s_acc, accepted first trials in a row from which it lengthens steps");
  command.add_option("--rejects", options.rejects,
                     "controller slope: s_rej, rejected first trials in a row from which it shortens steps by more");
  command.add_option("--window", options.window, "rows of the window that later trials are judged by; 0: all rows");
}

int64_t SolverOptions::fixed_steps(double time) const {
  const bool chosen = controller && *controller != AdaptiveSteps().controller;
  if (chosen && (steps != 0 || step_size != 0))
    throw Error("{} and --controller {} exclude each other: the controller chooses the steps",
                steps != 0 ? fmt::format("--steps {}", steps) : fmt::format("--step-size {:g}", step_size),
                *controller);
  if (step_size == 0) return steps;
  if (steps != 0) throw Error("--step-size {:g} and --steps {} exclude each other", step_size, steps);
  return ode::steps_of_size(time, step_size);
}

AdaptiveSteps SolverOptions::adapt(AdaptiveSteps trained) const {
  const std::string equal = AdaptiveSteps().controller;
  if (controller == equal && trained.controller != equal)
    throw Error("--controller fixed needs --steps or --step-size, too: in training the steps followed their error");
  trained.controller = controller.value_or(trained.controller);
  trained.rtol = rtol.value_or(trained.rtol);
  trained.atol = atol.value_or(trained.atol);
  trained.first_step = first_step.value_or(trained.first_step);
  trained.accepts = accepts.value_or(trained.accepts);
  trained.rejects = rejects.value_or(trained.rejects);
  trained.window = window.value_or(trained.window);
  if (trained.controller == equal && (rtol || atol || first_step || accepts || rejects || window))
    throw Error(
        "rtol, atol, first-step, accepts, rejects and window are for steps that follow their error, and these "
        "are fixed; give --controller, too");
  return trained;
}

nn::Checkpoint load_float(const NetworkFiles& files, const SolverOptions& options, const std::string& data_dir,
                          int threads) {
  nn::set_threads(threads);
  nn::Checkpoint checkpoint = nn::load_checkpoint(files.need_checkpoint());
  if (!options.given()) return checkpoint;
  const NetworkSpec& trained = checkpoint.network->spec();
  NetworkSpec spec = with_solver(trained, options.solver, options.fixed_steps(trained.end_time));
  if (options.adapted()) {
    const auto field = std::ranges::find_if(spec.stages, &Stage::ode);
    spec = with_adaptive_steps(spec, options.adapt(field == spec.stages.end() ? AdaptiveSteps() : field->steps));
  }
  if (spec == trained && !options.images) return checkpoint;
  checkpoint.network = nn::resolve(checkpoint.network, spec);
  const auto images = load_images(
      checkpoint.info.dataset, files,
      {.dataset = {}, .data_dir = data_dir, .split = "train", .limit = options.images.value_or(kStatisticsImages)});
  nn::recalibrate(checkpoint.network, checkpoint.info.normalization, images.images);
  return checkpoint;
}

data::Dataset load_images(const std::string& trained_on, const NetworkFiles& files, const ImageOptions& options) {
  if (options.limit < 0) throw Error("limit is {}, expected 0 (all images) or more", options.limit);
  std::string folder = options.data_dir;
  if (folder.empty()) {
    train::TrainConfig config;
    std::error_code code;
    const fs::path config_file = files.named / "config.toml";
    if (fs::exists(config_file, code)) train::load_config(config, config_file);
    folder = config.data_dir;
  }
  auto dataset = data::load(options.dataset.empty() ? trained_on : options.dataset, options.split, folder);
  if (options.limit > 0) dataset.truncate(static_cast<size_t>(options.limit));
  return dataset;
}

}  // namespace odenet
