#include "nn/hand_on.h"

#include <torch/torch.h>

#include "core/error.h"
#include "nn/state.h"

namespace odenet::nn {

namespace {

constexpr std::string_view kMeanSuffix = ".running_mean", kVarianceSuffix = ".running_var";

// [executions, channels]
bool is_per_execution(const std::string& name, const torch::Tensor& tensor) {
  return tensor.dim() == 2 && (name.ends_with(kMeanSuffix) || name.ends_with(kVarianceSuffix));
}

// Mean or variance, [channels], of the values of all executions, which are equally many.
torch::Tensor over_executions(const State& state, const std::string& name) {
  if (name.ends_with(kMeanSuffix)) return state.at(name).mean(0);
  const std::string norm = name.substr(0, name.size() - kVarianceSuffix.size());
  return state.at(name).mean(0) + state.at(norm + std::string(kMeanSuffix)).var(0, /*unbiased=*/false);
}

}  // namespace

void hand_on(const Network& from, const Network& to) {
  const State given = state_of(from), taken = state_of(to);
  const auto refuse = [&](const std::string& name, const std::string& why) {
    throw Error("the weights of {} do not fit {}: tensor '{}' {}", from->spec().model, to->spec().model, name, why);
  };
  const torch::NoGradGuard no_grad;
  State values;
  for (const auto& [name, tensor] : taken) {
    const auto found = given.find(name);
    if (found == given.end()) refuse(name, "is missing");
    torch::Tensor value = found->second;
    if (is_per_execution(name, tensor) && is_per_execution(name, value) && value.size(0) != tensor.size(0) &&
        value.size(1) == tensor.size(1))
      value = over_executions(given, name).expand_as(tensor);
    if (value.sizes() != tensor.sizes())
      refuse(name, fmt::format("has the shape [{}], expected [{}]", fmt::join(value.sizes().vec(), ", "),
                               fmt::join(tensor.sizes().vec(), ", ")));
    values.emplace(name, value);
  }
  for (const auto& [name, tensor] : given)
    if (!taken.contains(name) && name.find(".shortcut.") == std::string::npos) refuse(name, "has no place there");
  for (const auto& [name, tensor] : taken) torch::Tensor(tensor).copy_(values.at(name));
}

}  // namespace odenet::nn
