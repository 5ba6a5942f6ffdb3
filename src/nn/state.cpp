#include "nn/state.h"

#include <torch/torch.h>

#include <cmath>

#include "core/error.h"

namespace odenet::nn {

State state_of(const torch::nn::Module& module) {
  State state;
  for (const auto& item : module.named_parameters()) state[item.key()] = item.value();
  for (const auto& item : module.named_buffers()) state[item.key()] = item.value();
  return state;
}

void add_state(SafeTensors& file, const State& state) {
  for (const auto& [name, tensor] : state) {
    const auto plain = tensor.detach().to(torch::kCPU, torch::kFloat32).contiguous();
    file.add(name, plain.sizes().vec(),
             std::span<const float>(plain.data_ptr<float>(), static_cast<size_t>(plain.numel())));
  }
}

void read_state(const SafeTensors& file, const State& state) {
  const torch::NoGradGuard no_grad;
  for (const auto& [name, tensor] : state) {
    auto values = file.get<float>(name, tensor.sizes().vec());
    const bool variance = name.ends_with("running_var");
    for (const float v : values)
      if (!std::isfinite(v) || (variance && v < 0))
        throw Error("{}: tensor '{}' holds the value {}", file.source, name, v);
    torch::Tensor(tensor).copy_(torch::from_blob(values.data(), tensor.sizes(), torch::kFloat32));
  }
}

}  // namespace odenet::nn
