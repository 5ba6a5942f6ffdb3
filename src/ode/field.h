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
// in kRecord only: then every accepted evaluation of the forward pass counts once, however often it is repeated.
enum class Pass {
  kRecord,  // the forward pass
  kSearch,  // a trial of an adaptive step, which may be rejected
  kReplay,  // again, for gradients
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
  // Whether kRecord differs from the other passes: an adaptive integration then repeats each accepted step for it.
  virtual bool records() const { return false; }
};

}  // namespace odenet::ode
