#include "nn/float_backend.h"

#include <torch/torch.h>

#include <thread>

#include "core/error.h"

namespace odenet::nn {

namespace {

std::span<const float> values_of(const torch::Tensor& contiguous) {
  return {contiguous.data_ptr<float>(), static_cast<size_t>(contiguous.numel())};
}

}  // namespace

torch::Tensor channels_last(std::vector<float>& pixels, int64_t n, int height, int width) {
  return torch::from_blob(pixels.data(), {n, height, width, 3}).permute({0, 3, 1, 2});
}

void set_threads(int threads, int processes) {
  if (threads < 0) throw Error("threads is {}, expected 0 (all cores) or more", threads);
  const int cores = static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
  torch::set_num_threads(threads == 0 ? std::max(1, cores / processes) : threads);
  at::globalContext().setFlushDenormal(true);
}

std::vector<float> FloatBackend::logits(std::span<const uint8_t> images, const eval::Tap& tap) {
  const torch::InferenceMode guard;
  const ModeGuard mode(network_, /*training=*/false);
  const NetworkSpec& spec = network_->spec();
  auto pixels = data::normalize(images, spec.height, spec.width, info_.normalization);
  const auto n = static_cast<int64_t>(pixels.size()) / (int64_t{3} * spec.height * spec.width);
  TensorTap tensor_tap;
  if (tap)
    tensor_tap = [&](const std::string& point, const torch::Tensor& value) {
      tap(point, values_of(value.to(torch::kCPU).contiguous(torch::MemoryFormat::Contiguous)));
    };
  const auto device = network_->parameters().front().device();
  const auto input = channels_last(pixels, n, spec.height, spec.width).to(device);
  const auto result = network_->forward(input, tensor_tap).to(torch::kCPU).contiguous();
  work_ += network_->take_work().forward;
  ++batches_;
  const auto values = values_of(result);
  return {values.begin(), values.end()};
}

std::vector<std::pair<std::string, double>> FloatBackend::counts() const {
  if (batches_ == 0 || !is_adaptive(network_->spec())) return {};
  const auto mean = [&](int64_t count) { return static_cast<double>(count) / static_cast<double>(batches_); };
  return {{"evaluations_a_batch", mean(work_.evaluations)},
          {"accepted_steps_a_batch", mean(work_.accepted)},
          {"rejected_steps_a_batch", mean(work_.rejected)},
          {"error_rows_a_batch", mean(work_.rows)},
          {"error_rows_saved_a_batch", mean(work_.rows_saved)}};
}

}  // namespace odenet::nn
