#include "nn/hand_on.h"

#include <torch/torch.h>

#include "core/error.h"
#include "nn/state.h"

namespace odenet::nn {

void hand_on(const Network& from, const Network& to) {
  const auto given = state_of(from), taken = state_of(to);
  const auto refuse = [&](const std::string& name, const std::string& why) {
    throw Error("the weights of {} do not fit {}: tensor '{}' {}", from->spec().model, to->spec().model, name, why);
  };
  for (const auto& [name, tensor] : taken) {
    const auto found = given.find(name);
    if (found == given.end()) refuse(name, "is missing");
    if (found->second.sizes() != tensor.sizes())
      refuse(name, fmt::format("has the shape [{}], expected [{}]", fmt::join(found->second.sizes().vec(), ", "),
                               fmt::join(tensor.sizes().vec(), ", ")));
  }
  for (const auto& [name, tensor] : given)
    if (!taken.contains(name) && name.find(".shortcut.") == std::string::npos) refuse(name, "has no place there");
  const torch::NoGradGuard no_grad;
  for (const auto& [name, tensor] : taken) torch::Tensor(tensor).copy_(given.at(name));
}

}  // namespace odenet::nn
