// The training step as one writes it first: float32, NCHW, the time as a plane that is concatenated to the input of
// each convolution of an ODEBlock, BatchNorm and ReLU as modules of their own, LibTorch's optimiser with its loop over
// tensors. The benchmark's yardstick; it computes what nn/network.h computes.
#pragma once

#include <torch/torch.h>

#include "spec/network_spec.h"
#include "train/batches.h"

namespace odenet::bench {

class StraightforwardImpl : public torch::nn::Module {
 public:
  explicit StraightforwardImpl(NetworkSpec spec);
  torch::Tensor forward(const torch::Tensor& images);  // [N, 3, H, W] -> [N, classes]

 private:
  struct Block {
    Stage stage;
    torch::nn::Conv2d conv1{nullptr}, conv2{nullptr};
    std::vector<torch::nn::BatchNorm2d> bn1, bn2;  // one an execution, sharing weight and bias
  };
  Block make_block(const Stage& stage, const std::string& name);
  torch::Tensor residual(Block& block, const torch::Tensor& x);
  torch::Tensor integrate(Block& block, torch::Tensor z);

  NetworkSpec spec_;
  torch::nn::Conv2d stem_{nullptr};
  torch::nn::BatchNorm2d stem_norm_{nullptr};
  std::vector<Block> blocks_;
  torch::nn::Linear fc_{nullptr};
};
TORCH_MODULE(Straightforward);

class StraightforwardStep {
 public:
  explicit StraightforwardStep(const NetworkSpec& spec);
  void operator()(const train::TensorBatch& batch, double rate);

 private:
  Straightforward network_;
  torch::optim::SGD optimizer_;
};

}  // namespace odenet::bench
