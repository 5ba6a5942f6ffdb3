#include "nn/state.h"

#include <torch/torch.h>

namespace odenet::nn {

std::map<std::string, torch::Tensor> state_of(const Network& network) {
  std::map<std::string, torch::Tensor> state;
  for (const auto& item : network->named_parameters()) state[item.key()] = item.value();
  for (const auto& item : network->named_buffers()) state[item.key()] = item.value();
  return state;
}

}  // namespace odenet::nn
