// Stochastic gradient descent in one pass over flat storage. The network's parameters, gradients and buffers become
// views of five contiguous tensors, so a step is one vectorised loop, a checkpoint a few copies, and an exchange of
// gradients between processes one message.
//
//   FlatSgd sgd(*network, {.momentum = 0.9, .nesterov = true, .weight_decay = 5e-4});
//   loss.backward();
//   sgd.step(0.1);      // and clears the gradients
//
// The rule is PyTorch's: v = momentum v + g + decay p, p -= rate v, or with Nesterov p -= rate (g + decay p + momentum
// v). With ema > 0 an exponential moving average of parameters and buffers follows every step, with decay min(ema, (1 +
// steps) / (10 + steps)), so that the first steps do not linger.
#pragma once

#include <torch/nn/module.h>

#include <map>
#include <string>

namespace odenet::train {

struct SgdOptions {
  double momentum = 0.9;
  bool nesterov = true;
  double weight_decay = 0;
  bool decay_all = false;  // norms and biases too
  double ema = 0;          // decay of the moving average; 0: none
};

class FlatSgd {
 public:
  // `module` must keep its parameters and buffers; float32 on one device.
  FlatSgd(torch::nn::Module& module, SgdOptions options);

  void step(double rate);

  // The gradients of all parameters, [parameters].
  torch::Tensor gradients() const { return gradients_; }

  // Everything a step depends on, by name, as flat float32 tensors; writing into them restores a state.
  std::map<std::string, torch::Tensor> state() const;
  int64_t steps() const { return steps_; }
  void set_steps(int64_t steps) { steps_ = steps; }

  // Exchanges the network's values and the moving average; nothing without ema.
  void swap_average();

 private:
  void update(int64_t begin, int64_t end, double rate, double decay);

  SgdOptions options_;
  int64_t decayed_ = 0;  // the first parameters; the others have no weight decay
  int64_t steps_ = 0;
  torch::Tensor parameters_, gradients_, velocity_, buffers_;
  torch::Tensor average_, average_buffers_;  // undefined without ema
};

// Keeps the moving average in the network while it lives.
class AverageInUse {
 public:
  explicit AverageInUse(FlatSgd& sgd) : sgd_(sgd) { sgd_.swap_average(); }
  ~AverageInUse() { sgd_.swap_average(); }
  AverageInUse(const AverageInUse&) = delete;
  AverageInUse& operator=(const AverageInUse&) = delete;

 private:
  FlatSgd& sgd_;
};

}  // namespace odenet::train
