// The right-hand side of z' = f(t, z): what a network learns.
//
//   class Decay : public Field {
//     torch::Tensor slope(const torch::Tensor& z, const Evaluation&) override { return -rate_ * z; }
//     std::vector<torch::Tensor> parameters() const override { return {rate_}; }
//     ...
//   };
#pragma once

#include <torch/types.h>

#include <cstdint>
#include <vector>

namespace odenet::ode {

// Why f is evaluated. The state of a field that changes with use, such as the running statistics of a norm, must change
// once for every evaluation that the forward pass keeps, however often it is repeated.
enum class Pass {
  kRecord,  // the forward pass
  kSearch,  // a trial of an adaptive step, or before the first: Field::judge() tells whether it counts
  kReplay,  // again, for gradients: does not count
};

struct Evaluation {
  double time = 0;
  // Which one of evaluations(solver, steps) this is, when steps are fixed: a field may keep statistics for each. An
  // adaptive integration counts its accepted steps the same way; the adjoint equation's are not those of the forward
  // pass, and have the number 0.
  int64_t index = 0;
  Pass pass = Pass::kRecord;
};

class Field {
 public:
  virtual ~Field() = default;
  // f(t, z), of the shape of z.
  virtual torch::Tensor slope(const torch::Tensor& z, const Evaluation& at) = 0;
  virtual std::vector<torch::Tensor> parameters() const = 0;
  // After each trial of an adaptive integration. Of an accepted one, all evaluations of kSearch since the last accepted
  // one count; of a rejected one none, but for that at `start`, the step's beginning, which the next trial uses again.
  virtual void judge(double /*start*/, bool /*accepted*/) {}
  // After a forward pass that reached its end.
  virtual void finish() {}
};

}  // namespace odenet::ode
