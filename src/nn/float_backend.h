// The float network as a backend: what was trained, in LibTorch, with running statistics.
//
//   auto backend = nn::FloatBackend(nn::load_checkpoint("best.safetensors"));
//   std::vector<float> logits = backend.logits(images);
#pragma once

#include "eval/backend.h"
#include "nn/checkpoint.h"

namespace odenet::nn {

class FloatBackend : public eval::Backend {
 public:
  explicit FloatBackend(Checkpoint checkpoint) : FloatBackend(checkpoint.network, checkpoint.info) {}
  FloatBackend(Network network, ModelInfo info) : network_(std::move(network)), info_(std::move(info)) {}

  std::string name() const override { return "float"; }
  int classes() const override { return network_->spec().classes; }
  const std::string& dataset() const override { return info_.dataset; }
  std::vector<float> logits(std::span<const uint8_t> images, const eval::Tap& tap = {}) override;
  // Of adaptive integrations: means over the batches so far.
  std::vector<std::pair<std::string, double>> counts() const override;

 private:
  Network network_;
  ModelInfo info_;
  ode::Statistics work_;
  int64_t batches_ = 0;
};

// A batch as the network takes it: [N, 3, H, W] in channels-last memory from normalised [N, H, W, 3] values, which must
// outlive it.
torch::Tensor channels_last(std::vector<float>& pixels, int64_t n, int height, int width);

// Threads of LibTorch's kernels; Debian's LibTorch starts with one. 0: all cores, or this process's share of them where
// several processes compute on this machine.
void set_threads(int threads, int processes = 1);

}  // namespace odenet::nn
