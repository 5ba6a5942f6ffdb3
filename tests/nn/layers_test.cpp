#include "nn/layers.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

namespace odenet::nn {
namespace {

// torchdiffeq's ConcatConv2d: time is input channel 0, and zero padding applies to it too.
torch::Tensor concatenated(const torch::Tensor& x, Conv3x3& conv, double t) {
  const auto state = conv->named_parameters();
  const auto plane = torch::full({x.size(0), 1, x.size(2), x.size(3)}, t, x.options());
  return torch::conv2d(torch::cat({plane, x}, 1), torch::cat({state["time_weight"], state["weight"]}, 1), {}, 1, 1);
}

TEST(Conv3x3, TimeAsBiasEqualsTimeAsConcatenatedChannel) {
  torch::manual_seed(1);
  Conv3x3 conv(8, 8, 1, true);
  conv->to(torch::kFloat64);
  const auto x = torch::randn({2, 8, 5, 6}, torch::kFloat64);
  const double t = 0.7;
  const auto ours = conv(x) + t * conv->time_plane(5, 6);
  EXPECT_TRUE(torch::allclose(ours, concatenated(x, conv, t), 1e-12, 1e-12));
  const auto corner = conv->time_plane(5, 6).index({0, 0, 0, 0}).item<double>();
  const auto centre = conv->time_plane(5, 6).index({0, 0, 2, 2}).item<double>();
  EXPECT_NE(corner, centre) << "the border sees fewer taps of the time plane";
}

TEST(Norm, KeepsStatisticsPerExecution) {
  Norm norm(4, 3);
  const auto x = 5 + 2 * torch::randn({64, 4, 8, 8});
  norm(x, NormOptions(), 1);
  const auto buffers = norm->named_buffers();
  const auto mean = buffers["running_mean"], var = buffers["running_var"];
  ASSERT_EQ(mean.sizes(), (std::vector<int64_t>{3, 4}));
  EXPECT_EQ(mean[0].abs().max().item<float>(), 0);
  EXPECT_EQ(mean[2].abs().max().item<float>(), 0);
  EXPECT_NEAR(mean[1].mean().item<float>(), 0.1 * 5, 0.02);  // momentum 0.1
  EXPECT_NEAR(var[1].mean().item<float>(), 0.9 + 0.1 * 4, 0.05);
  EXPECT_EQ(norm->named_parameters()["weight"].numel(), 4) << "weight and bias are shared";
}

TEST(Norm, EvaluationUsesTheStatisticsOfTheExecution) {
  Norm norm(1, 2);
  norm->named_buffers()["running_mean"][1].fill_(3);
  norm->eval();
  const auto x = torch::full({1, 1, 2, 2}, 4.f);
  EXPECT_NEAR(norm(x, NormOptions(), 0).max().item<float>(), 4, 1e-4);
  EXPECT_NEAR(norm(x, NormOptions(), 1).max().item<float>(), 1, 1e-4);
}

}  // namespace
}  // namespace odenet::nn
