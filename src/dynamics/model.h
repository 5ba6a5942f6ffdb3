// A network that predicts a dynamic system: z' = MLP(z), integrated from sample to sample by a solver of src/ode.
//
//   Model model({.system = "lotka-volterra", .width = 64, .stage = field_stage("rk4", 1)}, scale_of(train));
//   torch::Tensor end = model->predict(z, 10);    // [N, D] -> [N, 10, D], the next ten samples
//   save_model("last.safetensors", model, {{"epoch", "3"}});
//   Model again = load_model("last.safetensors");
//
// The network computes in units of the training set's standard deviation around its mean, and in float32; z and
// predictions are in these units, too: normalised() takes samples there.
#pragma once

#include <torch/nn/module.h>
#include <torch/nn/pimpl.h>

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "dynamics/trajectories.h"
#include "ode/gradient.h"
#include "spec/network_spec.h"

namespace odenet::dynamics {

struct ModelSpec {
  std::string system;
  int width = 64;    // of the two hidden layers
  Stage stage = {};  // of field_stage()

  std::string name() const { return "mlp-" + std::to_string(width); }
};

// A solver and its steps in each interval, 0 for one, or steps that follow their error. Throws Error as with_solver()
// and with_adaptive_steps() of spec/network_spec.h do.
Stage field_stage(std::string_view solver, int64_t steps, const AdaptiveSteps& adaptive = {});

// Width of "mlp-64". Throws Error that says what is expected.
int parse_width(std::string_view model);

class ModelImpl : public torch::nn::Module {
 public:
  ModelImpl(ModelSpec spec, const Scale& scale);

  torch::Tensor normalised(const torch::Tensor& samples) const;  // [..., D] float64 -> float32

  // [N, D] -> [N, intervals, D]
  torch::Tensor predict(torch::Tensor z, int64_t intervals) const;

  void set_gradient(ode::Gradient gradient) { gradient_ = gradient; }
  // Instead of the spec's own.
  void set_solver(Stage stage) { spec_.stage = std::move(stage); }
  ode::Work take_work() const { return std::exchange(*work_, {}); }

  const ModelSpec& spec() const { return spec_; }

 private:
  ModelSpec spec_;
  ode::Gradient gradient_ = ode::Gradient::kBackprop;
  torch::Tensor mean_, deviation_;            // buffers "mean", "deviation" [D], float32
  std::vector<torch::Tensor> weight_, bias_;  // "layers_0.weight" [width, D], ".bias"; [width, width]; [D, width]
  std::shared_ptr<ode::Work> work_ = std::make_shared<ode::Work>();
};
TORCH_MODULE(Model);

// Root of the mean square of prediction - sample over trajectories and dimensions, in standard deviations: after each
// interval, of predictions that start with the trajectories' first samples. trajectories: [N, intervals + 1, D] ->
// [intervals], float64.
torch::Tensor rollout_errors(const Model& model, const torch::Tensor& trajectories);

// metadata "format" of a checkpoint.
inline constexpr const char* kModelFormat = "odenet-dynamics";

void save_model(const std::filesystem::path& path, const Model& model,
                const std::map<std::string, std::string>& notes = {});
// Throws Error for damaged files and files of another kind.
Model load_model(const std::filesystem::path& path);

}  // namespace odenet::dynamics
