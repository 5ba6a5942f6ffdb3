#include "train/adaptation_losses.h"

#include <torch/torch.h>

#include <cmath>

namespace odenet::train {

namespace {

using torch::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::tensor_list;
using torch::autograd::Variable;

constexpr int64_t kHidden = 100;
constexpr int kNarrowest = -2, kWidest = 2;  // exponents of the kernels' widths

// |x_i - x_j|^2 of the rows of x: [N, N].
Tensor squared_distances(const Tensor& x) {
  const Tensor norms = x.square().sum(1, /*keepdim=*/true);
  return (norms + norms.t() - 2 * x.matmul(x.t())).clamp_min(0);  // rounding may leave less
}

// Of squared distances with themselves, which are zero and do not count.
Tensor mean_of_pairs(const Tensor& distances) {
  const auto n = static_cast<double>(distances.size(0));
  return (distances.detach().sum() / (n * (n - 1))).clamp_min(1e-12);  // all features may be the same
}

Tensor covariance(const Tensor& x) {
  const Tensor centred = x - x.mean(0, /*keepdim=*/true);
  return centred.t().matmul(centred) / static_cast<double>(x.size(0) - 1);
}

class GradientReversal : public torch::autograd::Function<GradientReversal> {
 public:
  static Variable forward(AutogradContext* ctx, const Variable& x, double factor) {
    ctx->saved_data["factor"] = factor;
    return x.view_as(x);
  }
  static tensor_list backward(AutogradContext* ctx, tensor_list gradients) {
    return {gradients[0] * -ctx->saved_data["factor"].toDouble(), Tensor()};
  }
};

}  // namespace

Tensor mmd_bandwidth(const Tensor& source, const Tensor& target) {
  return mean_of_pairs(squared_distances(torch::cat({source, target})));
}

Tensor mmd_loss(const Tensor& source, const Tensor& target) {
  const Tensor distances = squared_distances(torch::cat({source, target}));
  const Tensor bandwidth = mean_of_pairs(distances);
  Tensor kernels = torch::zeros_like(distances);
  for (int u = kNarrowest; u <= kWidest; ++u) kernels = kernels + (distances / (bandwidth * -std::exp2(u))).exp();
  kernels = kernels / static_cast<double>(kWidest - kNarrowest + 1);
  const int64_t n = source.size(0), m = target.size(0);
  const auto mean = [&](int64_t row, int64_t rows, int64_t column, int64_t columns) {
    return kernels.narrow(0, row, rows).narrow(1, column, columns).mean();
  };
  return mean(0, n, 0, n) + mean(n, m, n, m) - 2 * mean(0, n, n, m);
}

Tensor coral_loss(const Tensor& source, const Tensor& target) {
  const auto features = static_cast<double>(source.size(1));
  return (covariance(source) - covariance(target)).square().sum() / (4 * features * features);
}

Tensor reverse_gradient(const Tensor& x, double factor) { return GradientReversal::apply(x, factor); }

DiscriminatorImpl::DiscriminatorImpl(int64_t features) {
  // Weights and biases uniform within 1 / sqrt(inputs), as LibTorch's Linear starts.
  const auto uniform = [](torch::IntArrayRef shape, int64_t inputs) {
    const double bound = 1 / std::sqrt(static_cast<double>(inputs));
    return torch::empty(shape).uniform_(-bound, bound);
  };
  weight1_ = register_parameter("weight1", uniform({kHidden, features}, features));
  bias1_ = register_parameter("bias1", uniform({kHidden}, features));
  weight2_ = register_parameter("weight2", uniform({1, kHidden}, kHidden));
  bias2_ = register_parameter("bias2", uniform({1}, kHidden));
}

Tensor DiscriminatorImpl::forward(const Tensor& features) const {
  return torch::linear(torch::linear(features, weight1_, bias1_).relu(), weight2_, bias2_).squeeze(1);
}

Tensor DiscriminatorImpl::loss(const Tensor& source, const Tensor& target) const {
  // -log sigmoid(x) = softplus(-x)
  return (torch::softplus(-forward(source)).mean() + torch::softplus(forward(target)).mean()) / 2;
}

double adaptation_ramp(double progress) { return 2 / (1 + std::exp(-10 * progress)) - 1; }

}  // namespace odenet::train
