// The processes that train one network together, each on its share of every batch (LibTorch's c10d: Gloo, on GPUs
// NCCL).
//
//   Workers workers(worker_environment(), device);   // alone: every method returns at once and changes nothing
//   workers.broadcast(weights);                       // all start with those of rank 0
//   workers.average(gradients);                       // one flat tensor; then every process takes the same step
//   workers.sum(counters);                            // loss, correct, images
//
// Every process has to call the same methods in the same order with tensors of the same size. A process that ended, or
// that says nothing for the environment's timeout, is an Error in all others; there is no going on after it.
#pragma once

#include <torch/types.h>

#include <memory>
#include <span>

#include "train/worker_environment.h"

namespace odenet::train {

class Workers {
 public:
  Workers();  // alone
  // Waits until all processes are there. Errors: they are not within the timeout, the port is taken, the address
  // unknown. From then on this process ignores SIGPIPE.
  Workers(const WorkerEnvironment& environment, const torch::Device& device);
  ~Workers();
  Workers(Workers&&) noexcept;
  Workers& operator=(Workers&&) noexcept;

  int rank() const { return environment_.rank; }
  int size() const { return environment_.size; }
  bool is_first() const { return rank() == 0; }  // who writes files and speaks to the user

  // Values: contiguous, on the device or on the CPU.
  void broadcast(const torch::Tensor& values);  // everyone gets those of rank 0
  void average(const torch::Tensor& values);    // everyone gets the same mean over the processes; NaN stays NaN

  // average() in two halves, so that computation can go on between them. Between the two nothing may touch the values
  // or call another method than start_average.
  void start_average(const torch::Tensor& values);
  void finish_average();

  void sum(std::span<double> counters);
  void barrier();

 private:
  struct Groups;
  WorkerEnvironment environment_;
  std::unique_ptr<Groups> groups_;  // none: alone
};

}  // namespace odenet::train
