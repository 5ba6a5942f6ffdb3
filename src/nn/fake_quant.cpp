#include "nn/fake_quant.h"

#include <torch/torch.h>

#include <cmath>
#include <vector>

#include "fixed/quantizer.h"
#include "fixed/trained_formats.h"

namespace odenet::nn {

torch::Tensor fake_quantize(const torch::Tensor& x, fixed::Format format) {
  const auto inside = x.clamp(format.to_real(format.min()), format.to_real(format.max()));
  const auto values = inside.detach();
  const auto rounded = (values * format.one() + 0.5).floor_().div_(format.one());
  return inside + (rounded - values);  // exactly `rounded`: the difference of neighbours is exact
}

torch::Tensor fake_quantize_weight(const torch::Tensor& weight, int bits, bool scaled) {
  const torch::Tensor values = weight.detach();
  const auto format = fixed::fitting_format(values.min().item<double>(), values.max().item<double>(), bits);
  torch::Tensor one = torch::full({weight.size(0)}, format.one(), torch::kFloat32);
  if (scaled) {
    const auto largest = values.abs().flatten(1).amax(1).to(torch::kCPU, torch::kFloat64).contiguous();
    for (int64_t c = 0; c < weight.size(0); ++c) {
      const int shift = fixed::channel_shift(largest.data_ptr<double>()[c], format);
      one.data_ptr<float>()[c] = static_cast<float>(std::ldexp(format.one(), shift));
    }
  }
  std::vector<int64_t> shape(static_cast<size_t>(weight.dim()), 1);
  shape[0] = weight.size(0);
  one = one.reshape(shape).to(weight.options());
  const auto rounded = (values * one + 0.5).floor_().div_(one);
  return weight + (rounded - values);
}

}  // namespace odenet::nn
