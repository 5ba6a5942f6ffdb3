#include "nn/fused_norm.h"

#include <torch/torch.h>

#include <array>
#include <cmath>
#include <cstring>
#include <vector>

#include "nn/norm_operands.h"
#include "spec/network_spec.h"

namespace odenet::nn {

namespace {

using torch::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::tensor_list;
using torch::autograd::Variable;

// Runs run(part, first image, images) for every part, in parallel; each thread from its first part to its last, or the
// other way.
enum class Order { kUp, kDown };
template <typename Run>
void for_parts(int64_t images, Order order, const Run& run) {
  at::parallel_for(0, kParts, 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const int64_t part = order == Order::kUp ? i : begin + end - 1 - i;
      const int64_t first = images * part / kParts, last = images * (part + 1) / kParts;
      if (last > first) run(part, first, last - first);
    }
  });
}

// Per-channel sums of each part, added in the parts' order.
class PartialSums {
 public:
  explicit PartialSums(int64_t values) : values_(values), parts_(static_cast<size_t>(values * kParts)) {}
  double* part(int64_t part) { return parts_.data() + part * values_; }
  std::vector<double> totals() const {
    std::vector<double> totals(static_cast<size_t>(values_));
    for (size_t i = 0; i < parts_.size(); ++i) totals[i % totals.size()] += parts_[i];
    return totals;
  }

 private:
  int64_t values_;
  std::vector<double> parts_;
};

std::function<void(std::span<double>)>& sum_of_processes() {
  static std::function<void(std::span<double>)> sum;
  return sum;
}

// Appends the number of pixels of the batch, and sums everything over the processes that share it.
std::vector<double> across_processes(std::vector<double> totals, const kernels::Shape& shape) {
  totals.push_back(static_cast<double>(shape.images * shape.pixels));
  if (sum_of_processes()) sum_of_processes()(totals);
  return totals;
}

// Mean and variance over the batch; moves the running statistics.
void batch_statistics(const Operands& in, const NormState& state, double momentum, float* mean, float* inverse) {
  const kernels::Shape shape = shape_of(in.x);
  const int64_t channels = shape.channels;
  PartialSums sums(2 * channels);
  with_element(in.x, [&](auto element) {
    using T = decltype(element);
    for_parts(shape.images, Order::kUp, [&](int64_t part, int64_t first, int64_t images) {
      kernels::moments({images, shape.pixels, channels}, in.images<T>(first), in.time_plane(), sums.part(part),
                       sums.part(part) + channels);
    });
  });
  const std::vector<double> totals = across_processes(sums.totals(), shape);
  const double count = totals.back();
  float *running_mean = data<float>(state.running_mean), *running_var = data<float>(state.running_var);
  const auto move = [momentum](float& running, double value) {
    running = static_cast<float>((1 - momentum) * static_cast<double>(running) + momentum * value);
  };
  for (int64_t c = 0; c < channels; ++c) {
    const double m = totals[static_cast<size_t>(c)] / count;
    const double var = std::max(0.0, totals[static_cast<size_t>(channels + c)] / count - m * m);
    mean[c] = static_cast<float>(m);
    inverse[c] = static_cast<float>(1 / std::sqrt(var + kNormEpsilon));
    move(running_mean[c], m);
    move(running_var[c], var * count / std::max(count - 1, 1.0));
  }
}

void running_statistics(const NormState& state, int64_t channels, float* mean, float* inverse) {
  for (int64_t c = 0; c < channels; ++c) {
    mean[c] = data<float>(state.running_mean)[c];
    inverse[c] =
        static_cast<float>(1 / std::sqrt(static_cast<double>(data<float>(state.running_var)[c]) + kNormEpsilon));
  }
}

// Fills the rows of `table` [kRows, C] and returns y.
Tensor run_forward(const Operands& in, const NormState& state, const NormOptions& options, const Tensor& table) {
  const kernels::Shape shape = shape_of(in.x);
  float* row = data<float>(table);
  const auto at = [&](Row r) { return row + r * shape.channels; };
  if (options.training)
    batch_statistics(in, state, options.momentum, at(kMean), at(kInverse));
  else
    running_statistics(state, shape.channels, at(kMean), at(kInverse));
  fill_affine(row, shape.channels, data<float>(state.weight), data<float>(state.bias), options.gain);
  const Tensor y = torch::empty_like(in.x);
  with_element(in.x, [&](auto element) {
    using T = decltype(element);
    for_parts(shape.images, Order::kDown, [&](int64_t, int64_t first, int64_t images) {
      const int64_t offset = first * in.x.stride(0);
      kernels::forward<T>({images, shape.pixels, shape.channels},
                          {.x = in.images<T>(first),
                           .plane = in.time_plane(),
                           .scale = at(kScale),
                           .shift = at(kShift),
                           .residual = options.residual.defined() ? data<T>(options.residual) + offset : nullptr,
                           .relu = options.relu,
                           .y = data<T>(y) + offset});
    });
  });
  return y;
}

class FusedNorm : public torch::autograd::Function<FusedNorm> {
 public:
  static tensor_list forward(AutogradContext* ctx, const Variable& x, const Variable& weight, const Variable& bias,
                             const c10::optional<Variable>& plane, const c10::optional<Variable>& residual,
                             const NormState& state, NormOptions options) {
    const Operands in{x, plane.value_or(Tensor()), options.time};
    options.residual = residual.value_or(Tensor());
    const Tensor table = torch::empty({kRows, x.size(1)}, torch::kFloat32);
    const Tensor y = run_forward(in, {weight, bias, state.running_mean, state.running_var}, options, table);
    return save_norm(ctx, in, table, y, options);
  }

  static tensor_list backward(AutogradContext* ctx, tensor_list gradients) {
    refuse_second_derivative();
    const SavedNorm saved(ctx, gradients);
    const Operands& in = saved.in;
    const Tensor &dy = saved.output.first, &dy2 = saved.output.second;
    if (!dy.defined()) return tensor_list(7);

    const kernels::Shape shape = shape_of(in.x);
    const int64_t channels = shape.channels;
    const float* row = data<float>(saved.table);
    const auto at = [&](Row r) { return row + r * channels; };
    const Tensor kept = saved.kept();
    const Tensor dx = torch::empty_like(in.x);
    const Tensor dweight = torch::empty({channels}), dbias = torch::empty({channels});
    const Tensor plane_sums = no_plane_sums(in);
    PartialSums sums(2 * channels);
    InputGradient factors;
    with_element(in.x, [&](auto element) {
      using T = decltype(element);
      const auto masked = [&](int64_t first, const Tensor& gradient, const Tensor& second, const Tensor& output,
                              bool active) {
        return kernels::Masked<T>{.dy = images_of<T>(gradient, first),
                                  .dy2 = images_of<T>(second, first),
                                  .x = in.images<T>(first),
                                  .plane = in.time_plane(),
                                  .scale = at(kScale),
                                  .shift = at(kShift),
                                  .y = images_of<T>(output, first),
                                  .relu = active};
      };
      for_parts(shape.images, Order::kUp, [&](int64_t part, int64_t first, int64_t images) {
        kernels::backward_sums<T>({images, shape.pixels, channels}, masked(first, dy, dy2, saved.y, saved.relu),
                                  at(kMean), images_of<T>(kept, first), sums.part(part), sums.part(part) + channels);
      });
      // Weight and bias get this process's share, as all parameters do; the input's gradient needs the whole batch.
      const std::vector<double> own = sums.totals();
      const std::vector<double> all = saved.training ? across_processes(own, shape) : own;
      for (int64_t i = 0; i < channels; ++i) {
        data<float>(dbias)[i] = static_cast<float>(saved.gain * own[static_cast<size_t>(i)]);
        data<float>(dweight)[i] =
            static_cast<float>(saved.gain * double{at(kInverse)[i]} * own[static_cast<size_t>(channels + i)]);
      }
      if (saved.training)
        factors.append(row, channels, all.data(), all.back());
      else
        factors.append_constant(row, channels);
      for_parts(shape.images, Order::kDown, [&](int64_t part, int64_t first, int64_t images) {
        const auto args = kept.defined() ? masked(first, kept, {}, {}, false) : masked(first, dy, dy2, {}, saved.relu);
        kernels::backward_input<T>({images, shape.pixels, channels}, args, factors.a.data(), factors.b.data(),
                                   factors.c.data(), images_of<T>(dx, first),
                                   plane_sums.defined() ? data<float>(plane_sums[part]) : nullptr);
      });
    });
    return {dx, dweight, dbias, plane_gradient(in, plane_sums), saved.residual_gradient(kept), Tensor(), Tensor()};
  }
};

class SubsampleAndPad : public torch::autograd::Function<SubsampleAndPad> {
 public:
  static Variable forward(AutogradContext* ctx, const Variable& x, int64_t stride, int64_t channels) {
    const int64_t height = (x.size(2) - 1) / stride + 1, width = (x.size(3) - 1) / stride + 1;
    // Not zeros(), which ignores the memory format of its options.
    const Tensor y = torch::empty({x.size(0), channels, height, width}, x.options(), kNhwc).zero_();
    copy_pixels(x, y, stride,
                [](std::byte* large, std::byte* small, size_t bytes) { std::memcpy(small, large, bytes); });
    ctx->saved_data["stride"] = stride;
    ctx->saved_data["shape"] = x.sizes();
    return y;
  }

  static tensor_list backward(AutogradContext* ctx, tensor_list gradients) {
    refuse_second_derivative();
    const Tensor dy = gradients[0].contiguous(kNhwc);
    const Tensor dx = torch::empty(ctx->saved_data["shape"].toIntVector(), dy.options(), kNhwc).zero_();
    copy_pixels(dx, dy, ctx->saved_data["stride"].toInt(),
                [](std::byte* large, std::byte* small, size_t bytes) { std::memcpy(large, small, bytes); });
    return {dx, Tensor(), Tensor()};
  }

 private:
  // copy(pixel of `large`, pixel of `small`, bytes of large's channels) for every pixel of `small`.
  template <typename Copy>
  static void copy_pixels(const Tensor& large, const Tensor& small, int64_t stride, const Copy& copy) {
    const auto size = static_cast<int64_t>(large.element_size());
    const int64_t height = small.size(2), width = small.size(3);
    auto* from = data<std::byte>(large);
    auto* to = data<std::byte>(small);
    at::parallel_for(0, small.size(0) * height, 64, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        const int64_t n = i / height, y = i % height;
        for (int64_t x = 0; x < width; ++x)
          copy(from + size * (n * large.stride(0) + y * stride * large.stride(2) + x * stride * large.stride(3)),
               to + size * (n * small.stride(0) + y * small.stride(2) + x * small.stride(3)),
               static_cast<size_t>(size * large.size(1)));
      }
    });
  }
};

}  // namespace

void sum_statistics_with(std::function<void(std::span<double>)> sum) { sum_of_processes() = std::move(sum); }

Tensor composed_norm(const Tensor& x, const NormState& state, const NormOptions& options) {
  const Tensor y =
      torch::batch_norm(add_time(x, options), state.weight, state.bias, state.running_mean, state.running_var,
                        options.training, options.momentum, kNormEpsilon, /*cudnn_enabled=*/true);
  return finish(y, options);
}

Tensor fused_norm(const Tensor& x, const NormState& state, const NormOptions& options) {
  return fused_norm_forked(x, state, options).main;
}

Forked fused_norm_forked(const Tensor& x, const NormState& state, const NormOptions& options) {
  if (!has_kernels(x)) {
    const Tensor y = composed_norm(x, state, options);
    return {y, y};
  }
  const tensor_list y =
      FusedNorm::apply(x.contiguous(kNhwc), state.weight, state.bias, nhwc_if(has_time(options), options.plane),
                       nhwc_if(options.residual.defined(), options.residual), state, options);
  return {y[0], y[1]};
}

Tensor subsample_and_pad(const Tensor& x, int64_t stride, int64_t channels) {
  if (has_kernels(x)) return SubsampleAndPad::apply(x.contiguous(kNhwc), stride, channels);
  const auto subsampled = x.slice(2, 0, c10::nullopt, stride).slice(3, 0, c10::nullopt, stride);
  return torch::constant_pad_nd(subsampled, {0, 0, 0, 0, 0, channels - x.size(1)});
}

}  // namespace odenet::nn
