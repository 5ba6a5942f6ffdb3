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
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "nn/layers.h"
#include "ode/gradient.h"
#include "spec/network_spec.h"

namespace odenet::nn {

// Receives the tensors of the observation points that eval/backend.h lists.
using TensorTap = std::function<void(const std::string& point, const torch::Tensor& value)>;

// A block of the kinds that spec/network_spec.h defines.
class BlockImpl : public torch::nn::Module {
 public:
  BlockImpl(const NetworkSpec& spec, const Stage& stage, int index);
  Forked forward(const Forked& x, const TensorTap& tap);

  // How an ODEBlock is differentiated; at first by backpropagation. Throws Error if its solver or quantization does not
  // allow that.
  void set_gradient(ode::Gradient gradient);
  // Computes with the values that an integer network of these formats would have. ODEBlocks: by Euler's steps and
  // backpropagation only; else Error.
  void set_quantization(std::shared_ptr<const Quantization> quantization);

  // What its integrations did since the last call, backward passes included.
  ode::Work take_work() { return std::exchange(*work_, {}); }

 private:
  Forked residual(const Forked& x, const TensorTap& tap);
  Forked euler(Forked z, const TensorTap& tap);
  Forked solve(const Forked& z, const TensorTap& tap);
  torch::Tensor shortcut(const torch::Tensor& x);
  bool eulers() const;  // steps fused with the norms
  // `norm` of c with ReLU and a residual sum, if that is defined; as integers, each addend rounded to the point's
  // format.
  Forked activated(Norm& norm, const torch::Tensor& c, const torch::Tensor& added, const std::string& point);
  torch::Tensor rounded(const std::string& point, const torch::Tensor& x) const;

  Stage stage_;
  std::string name_;
  double step_size_;
  double end_time_;
  std::shared_ptr<ode::Work> work_ = std::make_shared<ode::Work>();
  ode::Gradient gradient_ = ode::Gradient::kBackprop;
  std::shared_ptr<const Quantization> quantization_;
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
  void set_gradient(ode::Gradient gradient);  // of all ODEBlocks
  ode::Gradient gradient() const { return gradient_; }
  void set_quantization(const Quantization& quantization);
  const Quantization* quantization() const { return quantization_.get(); }  // null without
  void set_momentum(double momentum);                                       // of all norms' running statistics
  ode::Work take_work();                                                    // of all ODEBlocks, since the last call

 private:
  NetworkSpec spec_;
  std::shared_ptr<const Quantization> quantization_;
  ode::Gradient gradient_ = ode::Gradient::kBackprop;
  Conv stem_{nullptr};
  Norm stem_norm_{nullptr};
  std::vector<Block> blocks_;
  std::string last_point_ = "conv1";  // what is pooled
  torch::Tensor fc_weight_, fc_bias_;
};
TORCH_MODULE(Network);

// A network in training mode, or not, until the end of a scope, however it ends.
class ModeGuard {
 public:
  ModeGuard(Network network, bool training) : network_(std::move(network)), before_(network_->is_training()) {
    network_->train(training);
  }
  ~ModeGuard() { network_->train(before_); }
  ModeGuard(const ModeGuard&) = delete;
  ModeGuard& operator=(const ModeGuard&) = delete;

 private:
  Network network_;
  bool before_;
};

}  // namespace odenet::nn
