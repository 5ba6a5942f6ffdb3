// f of an ODEBlock, norm2(conv2(relu(norm1(conv1(z, t))), t)), as ode/gradient.h integrates and differentiates it.
//
//   auto field = std::make_shared<BlockField>(BlockField::Layers{conv1, bn1, conv2, bn2}, gradient);
//   torch::Tensor end = ode::solve({.field = field, .plan = ..., .gradient = gradient}, z);
//
// Norms keep statistics per evaluation, and their running ones follow each evaluation once; or one set of them, which
// follows the mean over the evaluations of an integration by adaptive steps, also once.
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
  // evaluations, as those of adaptive steps must. type: f is computed in this one, whatever the type of z and f(z);
  // none: in that of z.
  BlockField(Layers layers, ode::Gradient gradient, bool one_set = false, HiddenTap tap = {},
             c10::optional<torch::ScalarType> type = {});

  torch::Tensor slope(const torch::Tensor& z, const ode::Evaluation& at) override;
  std::vector<torch::Tensor> parameters() const override;
  void judge(double start, bool accepted) override;
  void finish() override;

 private:
  struct Planes {
    torch::Tensor plane1, plane2;
  };
  Planes planes(const torch::Tensor& z);
  // Of an evaluation that waits for its judgement.
  struct Searched {
    double time;
    BatchStatistics bn1, bn2;
  };
  // Sums over those that count.
  struct Counted {
    BatchStatistics bn1, bn2;
    int64_t evaluations = 0;
  };

  Layers layers_;
  ode::Gradient gradient_;
  bool one_set_;
  HiddenTap tap_;
  c10::optional<torch::ScalarType> type_;
  Planes kept_;
  bool kept_with_graph_ = false;
  std::vector<Searched> searched_;
  Counted counted_;
};

}  // namespace odenet::nn
