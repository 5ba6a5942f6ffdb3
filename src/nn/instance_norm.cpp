#include "nn/instance_norm.h"

#include <torch/torch.h>

#include <cmath>

#include "nn/norm_operands.h"
#include "spec/network_spec.h"

namespace odenet::nn {

namespace {

using torch::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::tensor_list;
using torch::autograd::Variable;

// Runs run(part, image) for every image, the parts in parallel.
template <typename Run>
void for_images(int64_t images, const Run& run) {
  at::parallel_for(0, kParts, 1, [&](int64_t begin, int64_t end) {
    for (int64_t part = begin; part < end; ++part)
      for (int64_t image = images * part / kParts; image < images * (part + 1) / kParts; ++image) run(part, image);
  });
}

// Fills the rows [kRows, C] of one image.
template <typename T>
void image_statistics(const kernels::Shape& one, const Operands& in, int64_t image, const Tensor& weight,
                      const Tensor& bias, double gain, float* rows) {
  const int64_t channels = one.channels;
  std::vector<double> sums(static_cast<size_t>(2 * channels));
  kernels::moments(one, in.images<T>(image), in.time_plane(), sums.data(), sums.data() + channels);
  const auto count = static_cast<double>(one.pixels);
  for (int64_t c = 0; c < channels; ++c) {
    const double mean = sums[static_cast<size_t>(c)] / count;
    const double var = std::max(0.0, sums[static_cast<size_t>(channels + c)] / count - mean * mean);
    rows[kMean * channels + c] = static_cast<float>(mean);
    rows[kInverse * channels + c] = static_cast<float>(1 / std::sqrt(var + kNormEpsilon));
  }
  fill_affine(rows, channels, data<float>(weight), data<float>(bias), gain);
}

class InstanceNorm : public torch::autograd::Function<InstanceNorm> {
 public:
  static tensor_list forward(AutogradContext* ctx, const Variable& x, const Variable& weight, const Variable& bias,
                             const c10::optional<Variable>& plane, const c10::optional<Variable>& residual,
                             NormOptions options) {
    const Operands in{x, plane.value_or(Tensor()), options.time};
    options.residual = residual.value_or(Tensor());
    const Tensor table = torch::empty({x.size(0), kRows, x.size(1)}, torch::kFloat32);
    const Tensor y = torch::empty_like(x);
    const kernels::Shape shape = shape_of(x), one{1, shape.pixels, shape.channels};
    with_element(x, [&](auto element) {
      using T = decltype(element);
      for_images(shape.images, [&](int64_t, int64_t image) {
        float* rows = images_of<float>(table, image);
        image_statistics<T>(one, in, image, weight, bias, options.gain, rows);
        kernels::forward<T>(one, {.x = in.images<T>(image),
                                  .plane = in.time_plane(),
                                  .scale = rows + kScale * shape.channels,
                                  .shift = rows + kShift * shape.channels,
                                  .residual = images_of<T>(options.residual, image),
                                  .relu = options.relu,
                                  .y = images_of<T>(y, image)});
      });
    });
    return save_norm(ctx, in, table, y, options);
  }

  static tensor_list backward(AutogradContext* ctx, tensor_list gradients) {
    refuse_second_derivative();
    const SavedNorm saved(ctx, gradients);
    const Operands& in = saved.in;
    const Tensor &dy = saved.output.first, &dy2 = saved.output.second;
    if (!dy.defined()) return tensor_list(6);

    const kernels::Shape shape = shape_of(in.x), one{1, shape.pixels, shape.channels};
    const int64_t channels = shape.channels;
    const Tensor kept = saved.kept();
    const Tensor dx = torch::empty_like(in.x);
    const Tensor sums = torch::zeros({shape.images, 2, channels}, torch::kFloat64);  // of g and of g (x' - mean)
    const Tensor plane_sums = no_plane_sums(in);
    with_element(in.x, [&](auto element) {
      using T = decltype(element);
      for_images(shape.images, [&](int64_t part, int64_t image) {
        const float* rows = images_of<float>(saved.table, image);
        kernels::Masked<T> masked{.dy = images_of<T>(dy, image),
                                  .dy2 = images_of<T>(dy2, image),
                                  .x = in.images<T>(image),
                                  .plane = in.time_plane(),
                                  .scale = rows + kScale * channels,
                                  .shift = rows + kShift * channels,
                                  .y = images_of<T>(saved.y, image),
                                  .relu = saved.relu};
        auto* image_sums = images_of<double>(sums, image);
        kernels::backward_sums<T>(one, masked, rows + kMean * channels, images_of<T>(kept, image), image_sums,
                                  image_sums + channels);
        InputGradient factors;
        factors.append(rows, channels, image_sums, static_cast<double>(shape.pixels));
        if (kept.defined()) {  // masked and summed already
          masked.dy = images_of<T>(kept, image);
          masked.dy2 = nullptr;
          masked.y = nullptr;
          masked.relu = false;
        }
        kernels::backward_input<T>(one, masked, factors.a.data(), factors.b.data(), factors.c.data(),
                                   images_of<T>(dx, image),
                                   plane_sums.defined() ? data<float>(plane_sums[part]) : nullptr);
      });
    });
    const Tensor inverse = saved.table.select(1, kInverse).to(torch::kFloat64);
    const Tensor dbias = (saved.gain * sums.select(1, 0).sum(0)).to(torch::kFloat32);
    const Tensor dweight = (saved.gain * (inverse * sums.select(1, 1)).sum(0)).to(torch::kFloat32);
    return {dx, dweight, dbias, plane_gradient(in, plane_sums), saved.residual_gradient(kept), Tensor()};
  }
};

}  // namespace

Tensor composed_instance_norm(const Tensor& x, const Tensor& weight, const Tensor& bias, const NormOptions& options) {
  const Tensor y = torch::instance_norm(add_time(x, options), weight, bias, {}, {}, /*use_input_stats=*/true,
                                        /*momentum=*/0, kNormEpsilon,
                                        /*cudnn_enabled=*/true);
  return finish(y, options);
}

Forked instance_norm(const Tensor& x, const Tensor& weight, const Tensor& bias, const NormOptions& options) {
  if (!has_kernels(x)) {
    const Tensor y = composed_instance_norm(x, weight, bias, options);
    return {y, y};
  }
  const tensor_list y =
      InstanceNorm::apply(x.contiguous(kNhwc), weight, bias, nhwc_if(has_time(options), options.plane),
                          nhwc_if(options.residual.defined(), options.residual), options);
  return {y[0], y[1]};
}

}  // namespace odenet::nn
