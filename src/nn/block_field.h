// f of an ODEBlock, norm2(conv2(relu(norm1(conv1(z, t))), t)), as ode/gradient.h integrates and differentiates it.
//
//   auto field = std::make_shared<BlockField>(BlockField::Layers{conv1, bn1, conv2, bn2}, gradient);
//   torch::Tensor end = ode::solve({.field = field, .plan = ..., .gradient = gradient}, z);
//
// Norms keep statistics per evaluation, or one set of them. Their running ones follow each evaluation that counts once.
#pragma once

#include <functional>

#include "nn/layers.h"
#include "ode/field.h"
#include "ode/gradient_method.h"

namespace odenet::nn {

class BlockField : public ode::Field {
 public:
  struct Layers {
    Conv conv1;
    Norm bn1;
    Conv conv2;
    Norm bn2;
  };
  // Receives what lies between the two convolutions, of evaluation `index`.
  using HiddenTap = std::function<void(int64_t index, const torch::Tensor& hidden)>;

  // For one integration, differentiated by `gradient`. one_set: the norms keep one set of statistics for all
  // evaluations.
  BlockField(Layers layers, ode::Gradient gradient, bool one_set = false, HiddenTap tap = {});

  torch::Tensor slope(const torch::Tensor& z, const ode::Evaluation& at) override;
  std::vector<torch::Tensor> parameters() const override;
  void judge(double start, bool accepted) override;

 private:
  struct Planes {
    torch::Tensor plane1, plane2;
  };
  Planes planes(const torch::Tensor& z);
  // Of an evaluation that waits for its judgement.
  struct Searched {
    double time;
    int execution;
    BatchStatistics bn1, bn2;
  };

  Layers layers_;
  ode::Gradient gradient_;
  bool one_set_;
  HiddenTap tap_;
  Planes kept_;
  bool kept_with_graph_ = false;
  std::vector<Searched> searched_;
};

}  // namespace odenet::nn
