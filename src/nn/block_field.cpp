#include "nn/block_field.h"

#include <torch/torch.h>

namespace odenet::nn {

BlockField::BlockField(Layers layers, ode::Gradient gradient, bool one_set, HiddenTap tap)
    : layers_(std::move(layers)), gradient_(gradient), one_set_(one_set), tap_(std::move(tap)) {}

torch::Tensor BlockField::slope(const torch::Tensor& z, const ode::Evaluation& at) {
  const Planes plane = planes(z);
  NormOptions options{.time = at.time};
  if (at.pass != ode::Pass::kRecord) options.momentum = 0;
  const auto with = [&](bool relu, const torch::Tensor& time_plane) {
    options.relu = relu;
    options.plane = time_plane;
    return options;
  };
  const int index = one_set_ ? 0 : static_cast<int>(at.index);
  const auto hidden = layers_.bn1(layers_.conv1(z), with(true, plane.plane1), index);
  if (tap_) tap_(at.index, hidden);
  return layers_.bn2(layers_.conv2(hidden), with(false, plane.plane2), index);
}

std::vector<torch::Tensor> BlockField::parameters() const {
  std::vector<torch::Tensor> all;
  const auto add = [&](const torch::nn::Module& layer) {
    for (const auto& parameter : layer.parameters()) all.push_back(parameter);
  };
  add(*layers_.conv1);
  add(*layers_.bn1);
  add(*layers_.conv2);
  add(*layers_.bn2);
  return all;
}

// Equal in all evaluations, so made once, with their graph and without; but the methods that differentiate a piece of
// the integration at a time need the planes as a part of each piece's graph.
BlockField::Planes BlockField::planes(const torch::Tensor& z) {
  const auto make = [&] {
    return Planes{layers_.conv1->time_plane(z.size(2), z.size(3)), layers_.conv2->time_plane(z.size(2), z.size(3))};
  };
  const bool graph = torch::GradMode::is_enabled();
  if (graph && gradient_ != ode::Gradient::kBackprop) return make();
  if (!kept_.plane1.defined() || kept_with_graph_ != graph) kept_ = make();
  kept_with_graph_ = graph;
  return kept_;
}

}  // namespace odenet::nn
