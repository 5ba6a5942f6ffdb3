#include "dynamics/model.h"

#include <torch/torch.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/parse_number.h"
#include "core/safetensors.h"
#include "nn/integration.h"
#include "nn/state.h"

namespace odenet::dynamics {

namespace {

using torch::Tensor;

constexpr std::string_view kPrefix = "mlp-";
constexpr int kMinWidth = 1, kMaxWidth = 4096, kLayers = 3;

std::string dump(const ModelSpec& spec) {
  return nlohmann::json{{"system", spec.system},
                        {"model", spec.name()},
                        {"solver", spec.stage.solver},
                        {"steps", steps(spec.stage)},
                        {"adaptive", spec.stage.steps}}
      .dump();
}

ModelSpec parse_model_spec(const std::string& text, const std::string& source) {
  try {
    const auto json = nlohmann::json::parse(text);
    return {.system = std::string(find_system(json.at("system").get<std::string>()).name),
            .width = parse_width(json.at("model").get<std::string>()),
            .stage = field_stage(json.at("solver").get<std::string>(), json.at("steps").get<int64_t>(),
                                 json.at("adaptive").get<AdaptiveSteps>())};
  } catch (const nlohmann::json::exception& e) {
    throw Error("{}: damaged spec: {}", source, e.what());
  } catch (const Error& e) {
    throw Error("{}: {}", source, e.what());
  }
}

}  // namespace

int parse_width(std::string_view model) {
  int width = 0;
  if (!model.starts_with(kPrefix) || !parse_number(model.substr(kPrefix.size()), width) || width < kMinWidth ||
      width > kMaxWidth)
    throw Error("model is '{}', expected mlp-W for a dynamic system, with a width W of {} to {}", model, kMinWidth,
                kMaxWidth);
  return width;
}

Stage field_stage(std::string_view solver, int64_t count, const AdaptiveSteps& adaptive) {
  NetworkSpec spec{.model = "field", .stages = {{.name = "field", .ode = true}}};
  return with_adaptive_steps(with_solver(std::move(spec), solver, count), adaptive).stages.front();
}

namespace {

// Keeps the tensors, not the model: a backward pass may outlive that.
class Perceptron : public ode::Field {
 public:
  Perceptron(std::vector<Tensor> weight, std::vector<Tensor> bias)
      : weight_(std::move(weight)), bias_(std::move(bias)) {}

  Tensor slope(const Tensor& z, const ode::Evaluation&) override {
    Tensor x = z;
    for (size_t i = 0; i < kLayers; ++i) {
      x = torch::addmm(bias_[i], x, weight_[i].t());
      if (i + 1 < kLayers) x = x.tanh();
    }
    return x;
  }

  std::vector<Tensor> parameters() const override {
    std::vector<Tensor> all = weight_;
    all.insert(all.end(), bias_.begin(), bias_.end());
    return all;
  }

 private:
  std::vector<Tensor> weight_, bias_;
};

}  // namespace

ModelImpl::ModelImpl(ModelSpec spec, const Scale& scale) : spec_(std::move(spec)) {
  const int64_t dimension = find_system(spec_.system).dimension, width = spec_.width;
  mean_ = register_buffer("mean", scale.mean.to(torch::kFloat32));
  deviation_ = register_buffer("deviation", scale.deviation.to(torch::kFloat32));
  const int64_t sizes[kLayers + 1] = {dimension, width, width, dimension};
  for (int i = 0; i < kLayers; ++i) {
    const auto layer = register_module("layers_" + std::to_string(i), std::make_shared<torch::nn::Module>());
    const double bound = std::sqrt(6.0 / static_cast<double>(sizes[i] + sizes[i + 1]));  // Glorot and Bengio, 2010
    weight_.push_back(
        layer->register_parameter("weight", torch::empty({sizes[i + 1], sizes[i]}).uniform_(-bound, bound)));
    bias_.push_back(layer->register_parameter("bias", torch::zeros({sizes[i + 1]})));
  }
}

Tensor ModelImpl::normalised(const Tensor& samples) const {
  return ((samples - mean_.to(torch::kFloat64)) / deviation_.to(torch::kFloat64)).to(torch::kFloat32);
}

Tensor ModelImpl::predict(Tensor z, int64_t intervals) const {
  const ode::Integration plan = nn::integration_of(spec_.stage, find_system(spec_.system).interval);
  const auto field = std::make_shared<Perceptron>(weight_, bias_);
  std::vector<Tensor> samples;
  for (int64_t i = 0; i < intervals; ++i) {
    z = ode::solve({.field = field, .plan = plan, .gradient = gradient_, .work = work_}, z);
    samples.push_back(z);
  }
  return torch::stack(samples, 1);
}

Tensor rollout_errors(const Model& model, const Tensor& trajectories) {
  const torch::NoGradGuard no_grad;
  const Tensor truth = model->normalised(trajectories).to(torch::kFloat64);
  const int64_t intervals = truth.size(1) - 1;
  const Tensor predicted = model->predict(truth.select(1, 0).to(torch::kFloat32), intervals).to(torch::kFloat64);
  return (predicted - truth.slice(1, 1)).square().mean(at::IntArrayRef{0, 2}).sqrt();
}

void save_model(const std::filesystem::path& path, const Model& model,
                const std::map<std::string, std::string>& notes) {
  SafeTensors file;
  file.metadata = notes;
  file.metadata["format"] = kModelFormat;
  file.metadata["spec"] = dump(model->spec());
  nn::add_state(file, nn::state_of(*model));
  file.save(path);
}

Model load_model(const std::filesystem::path& path) {
  const SafeTensors file = SafeTensors::load(path);
  if (file.meta("format") != kModelFormat)
    throw Error("{}: expected a predictor of a dynamic system (format {}), found format '{}'", path.string(),
                kModelFormat, file.meta("format"));
  const ModelSpec spec = parse_model_spec(file.meta("spec"), path.string());
  const torch::Tensor unit = torch::ones({find_system(spec.system).dimension}, torch::kFloat64);
  Model model(spec, Scale{unit, unit});
  const nn::State state = nn::state_of(*model);
  nn::read_state(file, state);
  for (const float v : file.get<float>("deviation", state.at("deviation").sizes().vec()))
    if (!(v > 0)) throw Error("{}: tensor 'deviation' holds the value {}", path.string(), v);
  if (state.size() != file.tensors.size())
    throw Error("{}: {} tensors, expected the {} of {}", path.string(), file.tensors.size(), state.size(), spec.name());
  return model;
}

}  // namespace odenet::dynamics
