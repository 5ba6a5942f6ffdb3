#include "nn/resolve.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include <cmath>
#include <map>
#include <random>

#include "nn/float_backend.h"
#include "support/expect_error.h"

namespace odenet::nn {
namespace {

using torch::Tensor;

constexpr data::Normalization kNormalization{{0.5, 0.4, 0.3}, {0.25, 0.2, 0.3}};

Network small_ode() {
  NetworkSpec spec{.model = "small", .classes = 3, .height = 6, .width = 6, .stem_channels = 4};
  spec.stages = {{.name = "ode", .in_channels = 4, .channels = 4, .executions = 3, .ode = true}};
  torch::manual_seed(3);
  return Network(spec);
}

std::vector<uint8_t> random_images(int count) {
  std::mt19937 random(1);
  std::vector<uint8_t> images(static_cast<size_t>(count * 3 * 6 * 6));
  for (uint8_t& pixel : images) pixel = static_cast<uint8_t>(random() >> 24);
  return images;
}

Network resolve(const Network& network, const char* solver, int64_t steps) {
  return nn::resolve(network, with_solver(network->spec(), solver, steps));
}

TEST(Resolve, KeepsTheWeightsAndChangesTheExecutions) {
  Network network = small_ode();
  Network rk4 = resolve(network, "rk4", 2);
  EXPECT_EQ(rk4->spec().stages[0].solver, "rk4");
  EXPECT_EQ(rk4->named_buffers()["ode.0.bn1.running_mean"].size(0), 8);
  const auto weights = network->named_parameters();
  for (const auto& parameter : rk4->named_parameters()) {
    EXPECT_TRUE(torch::equal(parameter.value(), weights[parameter.key()])) << parameter.key();
    EXPECT_FALSE(parameter.value().is_alias_of(weights[parameter.key()]));
  }
}

TEST(Resolve, KeepsGradientMethodDeviceAndType) {
  Network network = small_ode();
  network->set_gradient(ode::Gradient::kAca);
  EXPECT_EQ(resolve(network, "rk4", 2)->gradient(), ode::Gradient::kAca);
  Network leapfrog = resolve(network, "leapfrog", 2);
  leapfrog->set_gradient(ode::Gradient::kMali);
  EXPECT_EQ(resolve(leapfrog, "leapfrog", 4)->gradient(), ode::Gradient::kMali);
  EXPECT_EQ(resolve(leapfrog, "rk4", 2)->gradient(), ode::Gradient::kBackprop) << "mali needs the leapfrog";
  network->to(torch::kFloat64);
  EXPECT_EQ(resolve(network, "rk4", 2)->parameters().front().scalar_type(), torch::kFloat64);
  if (!torch::cuda::is_available()) return;
  network->to(torch::kCUDA);
  EXPECT_TRUE(resolve(network, "rk4", 2)->parameters().front().is_cuda());
}

TEST(Recalibrate, StatisticsAreTheMeansOverTheBatches) {
  Network network = resolve(small_ode(), "midpoint", 2);
  const auto images = random_images(10);
  // The stem's: of its convolution's output, whatever follows.
  Tensor mean = torch::zeros({4}), var = torch::zeros({4});
  const Tensor weight = network->named_parameters()["conv1.weight"];
  for (int i = 0; i < 2; ++i) {
    auto pixels =
        data::normalize(std::span(images).subspan(static_cast<size_t>(i * 5 * 108), 5 * 108), 6, 6, kNormalization);
    const Tensor c = torch::conv2d(channels_last(pixels, 5, 6, 6), weight.detach(), {}, 1, 1);
    mean += c.mean({0, 2, 3}) / 2;
    var += c.var({0, 2, 3}, /*unbiased=*/true) / 2;
  }
  network->eval();
  recalibrate(network, kNormalization, images, /*batch=*/6);
  EXPECT_FALSE(network->is_training());
  auto buffers = network->named_buffers();
  EXPECT_TRUE(torch::allclose(buffers["conv1.bn.running_mean"], mean, 1e-4, 1e-5));
  EXPECT_TRUE(torch::allclose(buffers["conv1.bn.running_var"], var, 1e-4, 1e-5));
  const Tensor inner = buffers["ode.0.bn1.running_mean"];
  EXPECT_GT((inner[0] - inner[3]).abs().max().item<float>(), 1e-3) << "each execution has its own";
  const Tensor before = inner.clone();
  recalibrate(network, kNormalization, images, 6);
  EXPECT_TRUE(torch::equal(inner, before)) << "what was there before does not count";
}

// On the images that the statistics come from, running statistics and those of the batch are the same but for the
// unbiased variance: of 36 * 10 values, so the outputs differ by about 1 part in 720.
TEST(Recalibrate, MakesInferenceAgreeWithTraining) {
  Network network = resolve(small_ode(), "rk4", 1);
  const auto images = random_images(10);
  recalibrate(network, kNormalization, images);
  auto pixels = data::normalize(images, 6, 6, kNormalization);
  const Tensor input = channels_last(pixels, 10, 6, 6);
  const torch::NoGradGuard no_grad;
  network->train();
  const Tensor expected = network->forward(input);
  network->eval();
  EXPECT_LT(((network->forward(input) - expected).norm() / expected.norm()).item<double>(), 0.02);
}

Network adaptive_ode() {
  const NetworkSpec spec = with_solver(small_ode()->spec(), "bogacki-shampine", 0);
  torch::manual_seed(3);
  return Network(with_adaptive_steps(spec, {.controller = "pi", .rtol = 1e-3, .atol = 1e-3}));
}

std::map<std::string, Tensor> measured(Network network, std::span<const uint8_t> images) {
  recalibrate(network, kNormalization, images, /*batch=*/6);
  std::map<std::string, Tensor> copies;
  for (const auto& buffer : network->named_buffers()) copies[buffer.key()] = buffer.value().clone();
  return copies;
}

TEST(Recalibrate, OfAdaptiveStepsMeansOverTheBatchesToo) {
  const auto images = random_images(10);
  const auto halves = std::span(images);
  auto first = measured(adaptive_ode(), halves.first(5 * 108)), second = measured(adaptive_ode(), halves.last(5 * 108));
  for (const auto& [name, both] : measured(adaptive_ode(), images))
    EXPECT_TRUE(torch::allclose(both, (first[name] + second[name]) / 2, 1e-4, 1e-5)) << name;
}

TEST(Recalibrate, PutsModeAndMomentumBackAfterAnError) {
  Network network = adaptive_ode();
  network->eval();
  const torch::NoGradGuard no_grad;
  Tensor weight = network->named_parameters()["ode.0.bn2.weight"];
  weight.fill_(NAN);
  EXPECT_ERROR(recalibrate(network, kNormalization, random_images(10)), "not finite");
  EXPECT_FALSE(network->is_training());
  weight.fill_(1);
  network->train();
  Tensor mean = network->named_buffers()["conv1.bn.running_mean"];
  const auto moved = [&] {
    mean.zero_();
    network->forward(torch::ones({2, 3, 6, 6}));
    return mean.clone();
  };
  const Tensor own = moved();
  network->set_momentum(NormOptions().momentum);
  EXPECT_TRUE(torch::equal(own, moved()));
}

TEST(FloatBackend, PutsTheModeBackAfterAnError) {
  Network network = small_ode();
  network->train();
  FloatBackend backend(network, {.dataset = {}, .class_names = {}, .normalization = kNormalization, .notes = {}});
  const auto tap = [](std::string_view, std::span<const float>) { throw Error("no more"); };
  EXPECT_ERROR(backend.logits(random_images(2), tap), "no more");
  EXPECT_TRUE(network->is_training());
}

TEST(Recalibrate, NeedsImages) {
  Network network = small_ode();
  EXPECT_ERROR(recalibrate(network, kNormalization, random_images(1)), "1 images", "2 or more");
}

}  // namespace
}  // namespace odenet::nn
