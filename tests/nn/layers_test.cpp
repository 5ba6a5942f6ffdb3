#include "nn/layers.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

namespace odenet::nn {
namespace {

// torchdiffeq's ConcatConv2d: time is input channel 0, and zero padding applies to it too.
torch::Tensor concatenated(const torch::Tensor& x, Conv& conv, double t) {
  const auto state = conv->named_parameters();
  const auto plane = torch::full({x.size(0), 1, x.size(2), x.size(3)}, t, x.options());
  return torch::conv2d(torch::cat({plane, x}, 1), torch::cat({state["time_weight"], state["weight"]}, 1), {}, 1, 1);
}

TEST(Conv, TimeAsBiasEqualsTimeAsConcatenatedChannel) {
  torch::manual_seed(1);
  Conv conv(ConvOptions{.in_channels = 8, .channels = 8, .time = true});
  conv->to(torch::kFloat64);
  const auto x = torch::randn({2, 8, 5, 6}, torch::kFloat64);
  const double t = 0.7;
  const auto ours = conv(x) + t * conv->time_plane(5, 6);
  EXPECT_TRUE(torch::allclose(ours, concatenated(x, conv, t), 1e-12, 1e-12));
  const auto corner = conv->time_plane(5, 6).index({0, 0, 0, 0}).item<double>();
  const auto centre = conv->time_plane(5, 6).index({0, 0, 2, 2}).item<double>();
  EXPECT_NE(corner, centre) << "the border sees fewer taps of the time plane";
}

TEST(Conv, SeparableIsDepthwiseThenPointwiseWithTheTimeInThePointwisePart) {
  torch::manual_seed(2);
  Conv conv(ConvOptions{.in_channels = 4, .channels = 6, .stride = 2, .body = Body::kSeparable, .time = true});
  conv->to(torch::kFloat64);
  const auto x = torch::randn({2, 4, 7, 8}, torch::kFloat64);
  const double t = 0.3;
  auto state = conv->named_parameters();
  std::vector<torch::Tensor> maps{torch::full({2, 1, 4, 4}, t, x.options())};
  for (int64_t c = 0; c < 4; ++c)
    maps.push_back(torch::conv2d(x.narrow(1, c, 1), state["depthwise"].narrow(0, c, 1), {}, 2, 1));
  const auto expected = torch::conv2d(torch::cat(maps, 1), torch::cat({state["time_weight"], state["weight"]}, 1));
  EXPECT_TRUE(torch::allclose(conv(x) + t * conv->time_plane(4, 4), expected, 1e-12, 1e-12));
  EXPECT_EQ(state.size(), 3u);
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
