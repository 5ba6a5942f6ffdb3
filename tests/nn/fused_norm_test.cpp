#include "nn/fused_norm.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <torch/torch.h>

#include <algorithm>
#include <barrier>
#include <bit>
#include <cmath>
#include <functional>
#include <limits>
#include <map>
#include <span>
#include <string>
#include <thread>
#include <tuple>
#include <vector>

#include "nn/instance_norm.h"
#include "nn/norm_kernels.h"
#include "support/expect_error.h"

namespace odenet::nn {
namespace {

using torch::Tensor;
using Results = std::map<std::string, Tensor>;  // in float64

constexpr int64_t kHeight = 5, kWidth = 7;

// The kernels compute in float32 with sums of at most a few hundred values per accumulator, and a handful of further
// roundings: 16 units in the last place of the largest number that takes part.
constexpr double kFloatSlack = 0x1p-19;

struct Case {
  torch::ScalarType type = torch::kFloat32;
  int64_t images = 3, channels = 16;
  bool relu = false, residual = false, plane = false, training = true;
  double gain = 1;
};

// All tensors in the case's type, or float32 where the norm takes only that.
struct Inputs {
  Tensor x, weight, bias, running_mean, running_var, plane, residual, dy, dy2;
};

constexpr double kTime = 0.6;

NormOptions options_of(const Case& c, const Inputs& in) {
  return {.training = c.training,
          .relu = c.relu,
          .gain = c.gain,
          .residual = in.residual,
          .plane = in.plane,
          .time = c.plane ? kTime : 0};
}

Inputs as_float64(Inputs in) {
  for (Tensor* t :
       {&in.x, &in.weight, &in.bias, &in.running_mean, &in.running_var, &in.plane, &in.residual, &in.dy, &in.dy2})
    if (t->defined()) *t = t->to(torch::kFloat64);
  return in;
}

// Gradients are zero where the float64 value before the ReLU is so near to zero that float32 may mask it otherwise.
Inputs make_inputs(const Case& c, double mean = 0.3) {
  torch::manual_seed(1);
  const auto images = [&] { return torch::randn({c.images, c.channels, kHeight, kWidth}).to(c.type); };
  Inputs in{.x = (torch::randn({c.images, c.channels, kHeight, kWidth}) + mean).to(c.type),
            .weight = 0.5 + torch::rand({c.channels}),
            .bias = torch::randn({c.channels}),
            .running_mean = torch::randn({c.channels}),
            .running_var = 0.5 + torch::rand({c.channels}),
            .plane = c.plane ? torch::randn({1, c.channels, kHeight, kWidth}) : Tensor(),
            .residual = c.residual ? images() : Tensor(),
            .dy = images(),
            .dy2 = images()};
  if (c.relu) {
    const Inputs copy = as_float64(in);
    NormOptions options = options_of(c, copy);
    options.relu = false;
    const Tensor sure =
        composed_norm(copy.x, {copy.weight, copy.bias, copy.running_mean.clone(), copy.running_var.clone()}, options)
            .abs()
            .gt(1e-4);
    in.dy = in.dy * sure;
    in.dy2 = in.dy2 * sure;
  }
  return in;
}

// Runs the norm on leaves of its own; backward(main, skip) fills their gradients.
template <typename Backward>
Results evaluate(bool fused, const Case& c, const Inputs& inputs, const Backward& backward) {
  Inputs in = inputs;
  for (Tensor* t : {&in.x, &in.weight, &in.bias, &in.plane, &in.residual})
    if (t->defined()) *t = t->clone().requires_grad_();
  NormState state{in.weight, in.bias, in.running_mean.clone(), in.running_var.clone()};
  Forked y;
  if (fused)
    y = fused_norm_forked(in.x, state, options_of(c, in));
  else
    y.main = y.skip = composed_norm(in.x, state, options_of(c, in));
  backward(y);
  Results results{{"y", y.main.detach()}, {"running_mean", state.running_mean}, {"running_var", state.running_var}};
  for (const auto& [name, t] : std::map<std::string, Tensor>{
           {"dx", in.x}, {"dweight", in.weight}, {"dbias", in.bias}, {"dplane", in.plane}, {"dresidual", in.residual}})
    if (t.defined() && t.grad().defined()) results[name] = t.grad();
  for (auto& [name, t] : results) t = t.to(torch::kFloat64);
  return results;
}

Results fused(const Case& c, const Inputs& in) {
  return evaluate(true, c, in, [&](const Forked& y) { y.main.backward(in.dy); });
}

Results oracle(const Case& c, const Inputs& inputs) {
  const Inputs in = as_float64(inputs);
  return evaluate(false, c, in, [&](const Forked& y) { y.main.backward(in.dy); });
}

double largest(const Tensor& t) { return t.abs().max().item<double>(); }

// Half a unit in the last place of bfloat16, which has 8 bits.
Tensor half_ulp(const Tensor& t) { return torch::exp2(torch::floor(torch::log2(t.abs().clamp_min(1e-30))) - 8); }

// rounded_before: what earlier roundings to bfloat16 may add to the last one's.
void expect_close(const Case& c, const Results& expected, const Results& found, double rounded_before = 0) {
  ASSERT_EQ(found.size(), expected.size());
  const double count = static_cast<double>(c.images * kHeight * kWidth);
  for (const auto& [name, want] : expected) {
    ASSERT_EQ(found.count(name), 1u) << name;
    const Tensor& got = found.at(name);
    ASSERT_EQ(got.sizes(), want.sizes()) << name;
    // Sums over the batch cancel: what they add up is about sqrt(count) times one term, of size gain * weight.
    const bool sum = name == "dweight" || name == "dbias" || name == "dplane";
    const double magnitude = std::max({largest(want), 1.0, sum ? 2 * c.gain * std::sqrt(count) : 0});
    Tensor bound = torch::full_like(want, kFloatSlack * magnitude);
    const bool stored_in_type = name == "y" || name == "dx" || name == "dresidual";
    if (stored_in_type && c.type == torch::kBFloat16) bound = bound + half_ulp(want.abs() + bound) + rounded_before;
    if (name == "dplane") bound = bound + static_cast<double>(c.images) * kTime * rounded_before;
    EXPECT_LE(((got - want).abs() - bound).max().item<double>(), 0) << name << ", bound " << largest(bound);
  }
}

std::string describe(const Case& c) {
  return fmt::format("{}x{} relu={} residual={} plane={} training={} gain={}", c.images, c.channels, c.relu, c.residual,
                     c.plane, c.training, c.gain);
}

// run(case) for all combinations of options; the number of images goes from 1 over ones that 16 does not divide.
template <typename Run>
void for_options(torch::ScalarType type, int64_t channels, const Run& run) {
  constexpr int64_t kImages[] = {1, 3, 17};
  for (unsigned bits = 0; bits < 32; ++bits) {
    const auto bit = [bits](unsigned i) { return (bits >> i & 1) != 0; };
    const Case c{.type = type,
                 .images = kImages[bits % 3],
                 .channels = channels,
                 .relu = bit(0),
                 .residual = bit(1),
                 .plane = bit(2),
                 .training = bit(3),
                 .gain = bit(4) ? 0.25 : 1};
    SCOPED_TRACE(describe(c));
    run(c);
  }
}

class FusedNormOptions : public ::testing::TestWithParam<std::tuple<torch::ScalarType, int64_t>> {};

TEST_P(FusedNormOptions, IsTheComposedNormInFloat64) {
  const auto [type, channels] = GetParam();
  for_options(type, channels, [](const Case& c) {
    const Inputs in = make_inputs(c);
    const Results found = fused(c, in);
    expect_close(c, oracle(c, in), found);
  });
}

TEST_P(FusedNormOptions, SumsTheGradientsOfBothHandles) {
  const auto [type, channels] = GetParam();
  for_options(type, channels, [](const Case& c) {
    const Inputs in = make_inputs(c), exact = as_float64(in);
    const Results expected = evaluate(false, c, exact, [&](const Forked& y) { y.main.backward(exact.dy + exact.dy2); });
    const Results found = evaluate(true, c, in, [&](const Forked& y) {
      torch::autograd::backward({y.main, y.skip}, {in.dy, in.dy2});
    });
    // With a residual the sum of the two is kept in bfloat16 before dx, its multiple, is computed from it.
    const double scale = c.gain * 1.5 * 1.5;  // weight and 1 / std are at most that
    expect_close(c, expected, found, c.residual ? scale * largest(half_ulp(exact.dy + exact.dy2)) : 0);
  });
}

INSTANTIATE_TEST_SUITE_P(Channels, FusedNormOptions,
                         ::testing::Combine(::testing::Values(torch::kFloat32, torch::kBFloat16),
                                            ::testing::Values(3, 16, 20, 32, 48, 64, 128)),
                         [](const auto& param) {
                           return fmt::format("{}{}",
                                              std::get<0>(param.param) == torch::kFloat32 ? "float32_" : "bfloat16_",
                                              std::get<1>(param.param));
                         });

TEST(FusedNormForked, EitherHandleAloneAndNone) {
  const Case c{.channels = 20, .relu = true, .residual = true, .plane = true};
  const Inputs in = make_inputs(c);
  const Results expected = oracle(c, in);
  expect_close(c, expected, evaluate(true, c, in, [&](const Forked& y) { y.main.backward(in.dy); }));
  expect_close(c, expected, evaluate(true, c, in, [&](const Forked& y) { y.skip.backward(in.dy); }));
  const Results unused = evaluate(
      true, c, in, [](const Forked& y) { EXPECT_EQ(y.main.data_ptr(), y.skip.data_ptr()) << "the same memory"; });
  EXPECT_EQ(unused.count("dx"), 0u);
  EXPECT_TRUE(torch::allclose(unused.at("y"), expected.at("y"), 1e-5, 1e-5));
}

TEST(FusedNormForked, HandlesUsedUnderOneLossAddUp) {
  const Case c{.channels = 16, .relu = true};
  const Inputs in = make_inputs(c), exact = as_float64(in);
  const Results expected =
      evaluate(false, c, exact, [&](const Forked& y) { (y.main * exact.dy * 3).sum().backward(); });
  expect_close(c, expected, evaluate(true, c, in, [&](const Forked& y) {
                 ((y.main * in.dy).sum() + 2 * (y.skip * in.dy).sum()).backward();
               }));
}

// The variance, of distances of a few deviations, does not suffer from the mean; the output does, as x - mean has only
// so many digits left.
TEST(FusedNorm, LargeMeanStaysAccurate) {
  constexpr double kVarianceBound = 0x1p-17;
  for (const double mean : {30, 3000})
    for (const int64_t channels : {3, 64}) {
      const Case c{.images = 17, .channels = channels};
      const Inputs in = make_inputs(c, mean);
      const Results expected = oracle(c, in), found = fused(c, in);
      const auto new_part = [&](const Results& r) { return r.at("running_var") - 0.9 * in.running_var; };
      EXPECT_LE(largest(new_part(found) / new_part(expected) - 1), kVarianceBound);
      EXPECT_LE(largest(found.at("y") - expected.at("y")), mean * 0x1p-21 + 5 * kVarianceBound);
    }
}

TEST(FusedNorm, DoesNotDependOnTheNumberOfThreads) {
  const int before = torch::get_num_threads();
  for (const auto type : {torch::kFloat32, torch::kBFloat16})
    for (const bool residual : {false, true}) {
      const Case c{.type = type, .images = 37, .channels = 48, .relu = true, .residual = residual, .plane = true};
      const Inputs in = make_inputs(c);
      at::set_num_threads(1);
      const Results one = fused(c, in);
      at::set_num_threads(2);
      const Results two = fused(c, in);
      for (const auto& [name, value] : one) EXPECT_TRUE(torch::equal(value, two.at(name))) << name;
    }
  at::set_num_threads(before);
}

// The oracle itself: central differences of its sum of y * dy, in float64.
TEST(ComposedNorm, GradientsAreFiniteDifferences) {
  const Case c{.images = 2, .channels = 2, .relu = true, .residual = true, .plane = true, .gain = 0.5};
  const Inputs in = as_float64(make_inputs(c));
  const Results exact = evaluate(false, c, in, [&](const Forked& y) { y.main.backward(in.dy); });
  const auto loss = [&] { return (evaluate(false, c, in, [](const Forked&) {}).at("y") * in.dy).sum().item<double>(); };
  constexpr double kStep = 1e-5;  // its square is the error; below, rounding is: 1e-16 / kStep
  const std::map<std::string, Tensor> variables{
      {"dx", in.x}, {"dweight", in.weight}, {"dbias", in.bias}, {"dplane", in.plane}, {"dresidual", in.residual}};
  for (const auto& [name, variable] : variables) {
    double* values = variable.data_ptr<double>();
    const Tensor gradient = exact.at(name).contiguous();
    for (int64_t i = 0; i < variable.numel(); ++i) {
      const double kept = values[i];
      values[i] = kept + kStep;
      const double above = loss();
      values[i] = kept - kStep;
      const double below = loss();
      values[i] = kept;
      EXPECT_NEAR(gradient.data_ptr<double>()[i], (above - below) / (2 * kStep), 1e-7) << name << " " << i;
    }
  }
}

// y = 0 * 1 + value: what the kernel stores for a float32 value, in each position of a vector and one by one.
std::vector<uint16_t> stored(float value, int64_t channels, bool relu = false) {
  const auto size = static_cast<size_t>(channels);
  const std::vector<uint16_t> x(size, 0);
  const std::vector<float> scale(size, 1), shift(size, value);
  std::vector<uint16_t> y(size, 1);
  kernels::forward<kernels::Bfloat16>(
      {1, 1, channels},
      {.x = x.data(), .plane = {}, .scale = scale.data(), .shift = shift.data(), .relu = relu, .y = y.data()});
  return y;
}

TEST(Bfloat16Store, RoundsToNearestEven) {
  const std::pair<uint32_t, uint16_t> cases[] = {
      {0x3f800000, 0x3f80}, {0x3f807fff, 0x3f80}, {0x3f808000, 0x3f80}, {0x3f808001, 0x3f81},  // 1, around its half
      {0x3f817fff, 0x3f81}, {0x3f818000, 0x3f82}, {0xbf818000, 0xbf82}, {0x3fffffff, 0x4000},  // odd; negative; carry
      {0x00808000, 0x0080}, {0x00818000, 0x0082},                                              // smallest normal ones
      {0x7f7f0000, 0x7f7f}, {0x7f7f7fff, 0x7f7f}, {0x7f7f8000, 0x7f80}, {0x7f7fffff, 0x7f80},  // largest finite
      {0xff7fffff, 0xff80}, {0x7f800000, 0x7f80}, {0xff800000, 0xff80}};                       // infinities
  for (const auto& [bits, expected] : cases) {
    EXPECT_EQ(c10::BFloat16(std::bit_cast<float>(bits)).x, expected) << "LibTorch agrees";
    for (const int64_t channels : {3, 64})
      for (const uint16_t found : stored(std::bit_cast<float>(bits), channels))
        EXPECT_EQ(found, expected) << std::hex << bits;
  }
}

TEST(Bfloat16Store, NanStaysNan) {
  for (const uint32_t bits : {0x7fc00000u, 0x7fffffffu, 0xffffffffu, 0x7f800001u, 0xff800001u, 0x7fc07fffu})
    for (const int64_t channels : {3, 64})
      for (const bool relu : {false, true})
        for (const uint16_t found : stored(std::bit_cast<float>(bits), channels, relu))
          EXPECT_TRUE((found & 0x7f80) == 0x7f80 && (found & 0x7f) != 0) << std::hex << bits << " became " << found;
}

TEST(FusedNorm, ReluKeepsNan) {
  for (const auto type : {torch::kFloat32, torch::kBFloat16})
    for (const int64_t channels : {3, 64}) {
      const Case c{.type = type, .channels = channels, .relu = true, .training = false};
      const Inputs in = make_inputs(c);
      in.x[1][2][3][4] = std::numeric_limits<float>::quiet_NaN();
      const Tensor nan = fused(c, in).at("y").isnan();
      EXPECT_EQ(nan.sum().item<int64_t>(), 1);
      EXPECT_TRUE(nan[1][2][3][4].item<bool>());
    }
}

// What a process group does for two processes, here two threads.
class TwoSums {
 public:
  void add(int rank, std::span<double> values) {
    shares_[rank].assign(values.begin(), values.end());
    barrier_.arrive_and_wait();
    for (size_t i = 0; i < values.size(); ++i) values[i] = shares_[0][i] + shares_[1][i];
    barrier_.arrive_and_wait();
  }

 private:
  std::vector<double> shares_[2];
  std::barrier<> barrier_{2};
};

TEST(SumStatisticsWith, TwoSharesHaveTheStatisticsAndGradientsOfTheWholeBatch) {
  const int threads = torch::get_num_threads();
  at::set_num_threads(1);
  const Case c{.images = 5, .channels = 20, .relu = true, .residual = true, .plane = true, .gain = 0.25};
  const Inputs in = make_inputs(c);
  const Results whole = oracle(c, in);
  Results shares[2];
  TwoSums sums;
  static thread_local int rank = 0;
  sum_statistics_with([&](std::span<double> values) { sums.add(rank, values); });
  {
    std::vector<std::jthread> processes;
    for (const int r : {0, 1})
      processes.emplace_back([&, r] {
        rank = r;
        Inputs share = in;
        for (Tensor* t : {&share.x, &share.residual, &share.dy}) *t = r == 0 ? t->slice(0, 0, 2) : t->slice(0, 2, 5);
        shares[r] = fused(c, share);
      });
  }
  sum_statistics_with({});
  at::set_num_threads(threads);
  Results joined;
  for (const char* name : {"y", "dx", "dresidual"}) joined[name] = torch::cat({shares[0][name], shares[1][name]});
  for (const char* name : {"dweight", "dbias", "dplane"}) joined[name] = shares[0][name] + shares[1][name];
  for (const char* name : {"running_mean", "running_var"}) {
    joined[name] = shares[0][name];
    EXPECT_TRUE(torch::equal(shares[0][name], shares[1][name])) << name;
  }
  expect_close(c, whole, joined);
}

TEST(SecondDerivatives, AreRefusedByTheKernelsAndGivenInFloat64) {
  const auto batch = [](const Tensor& x) {
    const auto of = [&](double value) { return torch::full({4}, value, x.scalar_type()); };
    return fused_norm(x, {of(1), of(0), of(0), of(1)}, {.training = true});
  };
  const auto image = [](const Tensor& x) {
    const auto of = [&](double value) { return torch::full({4}, value, x.scalar_type()); };
    return instance_norm(x, of(1), of(0), {}).main;
  };
  const auto pad = [](const Tensor& x) { return subsample_and_pad(x, 2, 6); };
  for (const auto& f : std::vector<std::function<Tensor(const Tensor&)>>{batch, image, pad}) {
    const auto gradient = [&](torch::ScalarType type) {
      const Tensor x = torch::randn({2, 4, 4, 4}, type).requires_grad_();
      return torch::autograd::grad({f(x).pow(3).sum()}, {x}, {}, true, /*create_graph=*/true)[0];
    };
    EXPECT_ERROR(gradient(torch::kFloat32), "second derivative", "float64");
    EXPECT_TRUE(gradient(torch::kFloat64).requires_grad());
  }
}

TEST(SubsampleAndPad, IsASliceWithAppendedZeros) {
  for (const auto type : {torch::kFloat32, torch::kBFloat16})
    for (const auto& [height, width] : {std::pair{8, 8}, {5, 7}, {1, 6}, {1, 1}})
      for (const int64_t stride : {1, 2, 3})
        for (const int64_t channels : {3, 8}) {
          SCOPED_TRACE(fmt::format("{}x{} stride {} channels {}", height, width, stride, channels));
          torch::manual_seed(1);
          const Tensor x = torch::randn({3, 3, height, width}).to(type).requires_grad_();
          const Tensor copy = x.detach().clone().requires_grad_();
          const Tensor sliced = copy.slice(2, 0, c10::nullopt, stride).slice(3, 0, c10::nullopt, stride);
          const Tensor expected = torch::constant_pad_nd(sliced, {0, 0, 0, 0, 0, channels - 3});
          const Tensor found = subsample_and_pad(x, stride, channels);
          EXPECT_TRUE(torch::equal(found, expected));
          const Tensor dy = torch::randn(expected.sizes()).to(type);
          expected.backward(dy);
          found.backward(dy);
          EXPECT_TRUE(torch::equal(x.grad(), copy.grad()));
        }
}

}  // namespace
}  // namespace odenet::nn
