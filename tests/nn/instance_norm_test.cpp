#include "nn/instance_norm.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include <cmath>
#include <map>
#include <string>
#include <tuple>

namespace odenet::nn {
namespace {

using torch::Tensor;
using Results = std::map<std::string, Tensor>;  // in float64

constexpr double kInstanceTime = 0.6;

struct InstanceCase {
  torch::ScalarType type;
  int64_t channels;
  bool relu, residual, plane, fork;
};

class InstanceNormTest
    : public ::testing::TestWithParam<std::tuple<torch::ScalarType, int64_t, bool, bool, bool, bool>> {
 protected:
  InstanceCase parameters() const {
    return std::apply([](auto... values) { return InstanceCase{values...}; }, GetParam());
  }
};

struct InstanceInputs {
  Tensor x, weight, bias, plane, residual, dy, dy2;
};

InstanceInputs make_inputs(const InstanceCase& c) {
  torch::manual_seed(1);
  const auto images = [&] { return torch::randn({3, c.channels, 5, 7}).to(c.type); };
  return {.x = images() + 0.3,
          .weight = 0.5 + torch::rand({c.channels}),
          .bias = torch::randn({c.channels}),
          .plane = c.plane ? torch::randn({1, c.channels, 5, 7}) : Tensor(),
          .residual = c.residual ? images() : Tensor(),
          .dy = images(),
          .dy2 = c.fork ? images() : Tensor()};
}

NormOptions options_of(const InstanceCase& c, const InstanceInputs& in) {
  return {.relu = c.relu, .gain = 0.5, .residual = in.residual, .plane = in.plane, .time = c.plane ? kInstanceTime : 0};
}

// Of leaves of its own; the two outputs get dy and dy2.
Results run(bool fused, const InstanceCase& c, InstanceInputs in) {
  if (!fused)
    for (Tensor* t : {&in.x, &in.weight, &in.bias, &in.plane, &in.residual, &in.dy, &in.dy2})
      if (t->defined()) *t = t->to(torch::kFloat64);
  for (Tensor* t : {&in.x, &in.weight, &in.bias, &in.plane, &in.residual})
    if (t->defined()) *t = t->clone().requires_grad_();
  Forked y;
  if (fused)
    y = instance_norm(in.x, in.weight, in.bias, options_of(c, in));
  else
    y.main = y.skip = composed_instance_norm(in.x, in.weight, in.bias, options_of(c, in));
  if (c.fork)
    torch::autograd::backward({y.main, y.skip}, {in.dy, in.dy2});
  else
    y.main.backward(in.dy);
  Results results{{"y", y.main.detach()}};
  for (const auto& [name, t] : std::map<std::string, Tensor>{
           {"dx", in.x}, {"dweight", in.weight}, {"dbias", in.bias}, {"dplane", in.plane}, {"dresidual", in.residual}})
    if (t.defined()) results[name] = t.grad();
  for (auto& [name, t] : results) t = t.to(torch::kFloat64);
  return results;
}

TEST_P(InstanceNormTest, EqualsLibTorchInFloat64) {
  const InstanceCase c = parameters();
  InstanceInputs in = make_inputs(c);
  if (c.relu) {  // no gradient where another rounding could mask it otherwise
    InstanceCase open = c;
    open.relu = open.fork = false;
    const Tensor sure = run(false, open, in)["y"].abs().gt(0.02);
    in.dy = in.dy * sure;
    if (c.fork) in.dy2 = in.dy2 * sure;
  }
  const Results found = run(true, c, in), expected = run(false, c, in);
  ASSERT_EQ(found.size(), expected.size());
  for (const auto& [name, want] : expected) {
    const Tensor& got = found.at(name);
    ASSERT_EQ(got.sizes(), want.sizes()) << name;
    // bfloat16 keeps 8 bits; gradients were rounded to it on the way, and sums add 105 of them.
    const bool sum = name == "dweight" || name == "dbias" || name == "dplane";
    const double relative = c.type == torch::kBFloat16 ? 0x1p-7 : 0x1p-19;
    const double bound = relative * std::max(want.abs().max().item<double>(), sum ? std::sqrt(105.0) : 1.0);
    EXPECT_LE((got - want).abs().max().item<double>(), bound) << name;
  }
}

INSTANTIATE_TEST_SUITE_P(All, InstanceNormTest,
                         ::testing::Combine(::testing::Values(torch::kFloat32, torch::kBFloat16),
                                            ::testing::Values(1, 12, 16, 64), ::testing::Bool(), ::testing::Bool(),
                                            ::testing::Bool(), ::testing::Bool()));

TEST(InstanceNorm, DependsNeitherOnThreadsNorOnTheOtherImages) {
  torch::manual_seed(2);
  const Tensor x = torch::randn({9, 16, 4, 4}), weight = torch::rand({16}), bias = torch::randn({16});
  const auto of = [&](const Tensor& images) { return instance_norm(images, weight, bias, {.relu = true}).main; };
  const Tensor all = of(x);
  for (int64_t i = 0; i < 9; ++i) EXPECT_TRUE(torch::equal(of(x.narrow(0, i, 1)), all.narrow(0, i, 1))) << i;
  const int threads = torch::get_num_threads();
  torch::set_num_threads(3);
  EXPECT_TRUE(torch::equal(of(x), all));
  torch::set_num_threads(threads);
}

TEST(InstanceNorm, GivesEveryImageMeanBiasAndDeviationWeight) {
  for (const float mean : {7.f, 15000.f}) {
    torch::manual_seed(3);
    const Tensor y =
        instance_norm(mean + 5 * torch::randn({2, 4, 8, 8}), torch::full({4}, 3.f), torch::full({4}, -1.f), {}).main;
    const double slack = mean * 0x1p-22;  // of x and its affine map
    EXPECT_TRUE(torch::allclose(y.mean({2, 3}), torch::full({2, 4}, -1.f), 0, 1e-4 + slack));
    EXPECT_TRUE(torch::allclose(y.std(torch::IntArrayRef{2, 3}, /*unbiased=*/false), torch::full({2, 4}, 3.f), 0,
                                1e-3 + slack));
  }
}

}  // namespace
}  // namespace odenet::nn
