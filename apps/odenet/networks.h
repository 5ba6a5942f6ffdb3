// What the argument NET of a command names, and the backends made from it.
//
//   NetworkFiles files = find_networks("runs/a");            // a run folder, a checkpoint or a quantized network
//   auto backend = make_backend("fixed", files, {});
//   data::Dataset test = load_images(backend->dataset(), files, {.split = "test", .limit = 100});
#pragma once

#include <CLI/CLI.hpp>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "data/dataset.h"
#include "eval/backend.h"
#include "fixed/network.h"
#include "nn/checkpoint.h"
#include "spec/network_spec.h"

namespace odenet {

// Options that are added from here on stand under this heading of --help.
inline void start_group(CLI::App& command, std::string_view heading) {
  command.option_defaults()->group(std::string(heading));
}

// The names under which `odenet quantize RUN` leaves its network in the run folder: in Q20, and in other formats.
inline constexpr const char* kQuantizedName = "q20.safetensors";
inline constexpr const char* kOtherFormatsName = "quantized.safetensors";

// Where the network made from that checkpoint is left: under one of these names beside best.safetensors and
// last.safetensors, else with the checkpoint's before it, target.q20.safetensors.
std::filesystem::path quantized_path(const std::filesystem::path& checkpoint, const char* name);

struct NetworkFiles {
  std::filesystem::path named;                      // as given
  std::optional<std::filesystem::path> checkpoint;  // float network
  std::optional<std::filesystem::path> quantized;   // integer network, or that made from the checkpoint
  std::optional<std::filesystem::path> predictor;   // of a dynamic system; neither of the others then

  const std::filesystem::path& need_checkpoint() const;
  // Error if there is none, or if the checkpoint beside it has changed since.
  fixed::Network load_quantized() const;
};

NetworkFiles find_networks(const std::filesystem::path& path);

// Another solver or number of steps than the network was trained with, and images for its statistics then.
inline constexpr int64_t kStatisticsImages = 2048;
struct SolverOptions {
  std::string solver;    // empty: as trained
  int64_t steps = 0;     // 0: as trained
  double step_size = 0;  // in place of steps
  std::optional<int64_t> images =
      {};  // of the training split, to measure statistics with, even if nothing else is given
  // Of steps that follow their error; what is not given is as trained.
  std::optional<std::string> controller = {};
  std::optional<double> rtol = {}, atol = {}, first_step = {};
  std::optional<int> accepts = {}, rejects = {}, window = {};

  bool given() const { return !solver.empty() || steps != 0 || step_size != 0 || images || adapted(); }
  bool adapted() const { return controller || rtol || atol || first_step || accepts || rejects || window; }
  // The steps in that time; 0: as trained. Error for both, for steps that do not fit, and beside a controller.
  int64_t fixed_steps(double time) const;
  // The trained ones, or fixed ones where fixed_steps() gave some, with what is given. Error if that has no meaning, as
  // the steps are fixed.
  AdaptiveSteps adapt(AdaptiveSteps trained) const;
};
// Each under a heading of its own.
void add_solver_options(CLI::App& command, SolverOptions& options);
void add_controller_options(CLI::App& command, SolverOptions& options);

// The float network, integrated as the options say. data_dir: as in ImageOptions.
nn::Checkpoint load_float(const NetworkFiles& files, const SolverOptions& options, const std::string& data_dir,
                          int threads);

// What of a network the engine computes.
struct EngineScope {
  std::string scope = "block";
  std::string layer{};

  // The layer, or `usual` if none is given; empty: the whole network. Throws Error if both, or neither, are asked for.
  std::string chosen(const std::string& usual = {}) const;
};
void add_engine_scope(CLI::App& command, EngineScope& engine, const std::string& usual = {});

struct BackendOptions {
  int threads = 0;
  SolverOptions solver = {};  // float
  std::string data_dir = {};  // for its statistics
  EngineScope engine = {};    // rtl
  int macs = 16;              // rtl: the engine's size
};

inline constexpr const char* kUsualLayer = "layer3_2";  // of the backend rtl

std::string backend_names();  // "float, fixed, rtl"
std::unique_ptr<eval::Backend> make_backend(const std::string& name, const NetworkFiles& files,
                                            const BackendOptions& options);

struct ImageOptions {
  std::string dataset;   // empty: the one that the network was trained on
  std::string data_dir;  // empty: the run's own, else "data"
  std::string split = "test";
  int64_t limit = 0;  // first images only; 0: all
};

data::Dataset load_images(const std::string& trained_on, const NetworkFiles& files, const ImageOptions& options);

}  // namespace odenet
