// NetworkSpec -> LibTorch modules.
//
//   nn::Network net(make_spec("biased-odenet-20", 10));
//   torch::Tensor logits = net->forward(images);   // [N, 3, 32, 32] normalised, channels-last -> [N, classes]
//
// Parameters and buffers are named as in the checkpoint: "layer3_2.0.conv1.weight", "layer3_2.0.bn1.running_mean", ...;
// a separable convolution has "...conv1.depthwise" too, a projection is "<block>.shortcut.weight",
// "<block>.shortcut.bn".
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "nn/layers.h"
#include "spec/network_spec.h"

namespace odenet::nn {

// Receives the tensors of the observation points that eval/backend.h lists.
using TensorTap = std::function<void(const std::string& point, const torch::Tensor& value)>;

// A block of the kinds that spec/network_spec.h defines.
class BlockImpl : public torch::nn::Module {
 public:
  BlockImpl(const NetworkSpec& spec, const Stage& stage, int index);
  Forked forward(const Forked& x, const TensorTap& tap);

 private:
  Forked residual(const Forked& x, const TensorTap& tap);
  Forked integrate(Forked z, const TensorTap& tap);
  torch::Tensor shortcut(const torch::Tensor& x);

  Stage stage_;
  std::string name_;
  double step_size_;
  Skip skip_;
  Conv conv1_{nullptr}, conv2_{nullptr}, projection_{nullptr};
  Norm bn1_{nullptr}, bn2_{nullptr}, projection_norm_{nullptr};
};
TORCH_MODULE(Block);

class NetworkImpl : public torch::nn::Module {
 public:
  explicit NetworkImpl(NetworkSpec spec);
  torch::Tensor forward(const torch::Tensor& x, const TensorTap& tap = {});
  const NetworkSpec& spec() const { return spec_; }

 private:
  NetworkSpec spec_;
  Conv stem_{nullptr};
  Norm stem_norm_{nullptr};
  std::vector<Block> blocks_;
  torch::Tensor fc_weight_, fc_bias_;
};
TORCH_MODULE(Network);

}  // namespace odenet::nn
