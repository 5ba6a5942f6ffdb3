// An equation with a closed solution, nonlinear and with a slope that depends on the time: the state turns by
//   z' = p |z|^2 (1 + 0.1 cos t) (-z_1, z_0),
// so keeps its length, and has turned by p |z|^2 (t + 0.1 sin t) since t = 0.
#pragma once

#include <torch/torch.h>

#include <cmath>

#include "ode/field.h"
#include "ode/solver.h"

namespace odenet::ode {

class Rotation : public Field {
 public:
  torch::Tensor slope(const torch::Tensor& z, const Evaluation& at) override {
    return p_ * (z.square().sum() * (1 + 0.1 * std::cos(at.time))) * torch::stack({-z[1], z[0]});
  }
  std::vector<torch::Tensor> parameters() const override { return {p_}; }

  static torch::Tensor start() { return torch::tensor({0.6, 0.8}, torch::kFloat64).requires_grad_(); }
  torch::Tensor solution(const torch::Tensor& z, double t) const {
    const auto angle = p_ * z.square().sum() * (t + 0.1 * std::sin(t));
    return torch::stack({angle.cos() * z[0] - angle.sin() * z[1], angle.sin() * z[0] + angle.cos() * z[1]});
  }

 private:
  torch::Tensor p_ = torch::tensor(1.8, torch::kFloat64).requires_grad_();
};

inline double largest_difference(const torch::Tensor& a, const torch::Tensor& b) {
  return (a - b).abs().max().item<double>();
}

// Steps from 0 to 3 that are small enough for the leading term of the error, and large enough for it to be far above
// rounding.
inline constexpr double kEnd = 3;
inline int64_t asymptotic_steps(int order) {
  constexpr int64_t kSteps[] = {0, 2048, 512, 256, 192, 320};
  return kSteps[order];
}

inline double observed_order(double error, double error_of_half_steps) {
  return std::log2(error / error_of_half_steps);
}

// The evaluations of `accepted` adaptive steps that count: the known slope at a step's start is not evaluated again.
inline int64_t evaluations_kept(const Solver& solver, int64_t accepted) {
  if (solver.leapfrog()) return 1 + accepted;
  const Tableau& method = *solver.tableau;
  return method.first_same_as_last() ? 1 + accepted * (method.stages - 1) : accepted * method.stages;
}

}  // namespace odenet::ode
