#include "train/adaptation.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include "spec/zoo.h"
#include "support/expect_error.h"
#include "train/fresh_network.h"
#include "train/step.h"

namespace odenet::train {
namespace {

using testing::fresh_network;
using testing::kFloatSlack;
using torch::Tensor;

constexpr int64_t kAdaptSteps = 20;
Tensor make_images(int64_t n, double gain, double offset, uint64_t seed) {
  torch::manual_seed(seed);
  return (gain * torch::randn({n, 3, 32, 32}) + offset).contiguous(torch::MemoryFormat::ChannelsLast);
}

TensorBatch batch_with_target() {
  return {.images = make_images(6, 1, 0, 2),
          .labels = torch::arange(6),
          .mixed_labels = {},
          .target = make_images(5, 0.5, 1, 3)};
}

struct Passed {
  Tensor logits, features;
  std::vector<Tensor> statistics;  // afterwards
};
Passed pass(nn::Network network, const Tensor& images) {
  Passed passed;
  passed.logits = network->forward(images, [&](const std::string& point, const Tensor& value) {
    if (point == "pool") passed.features = value;
  });
  for (const Tensor& buffer : network->buffers()) passed.statistics.push_back(buffer.clone());
  return passed;
}

void expect_equal(const std::vector<Tensor>& a, const std::vector<Tensor>& b) {
  ASSERT_EQ(a.size(), b.size());
  for (size_t i = 0; i < a.size(); ++i) EXPECT_TRUE(torch::equal(a[i], b[i])) << i;
}

TEST(AdaptMethods, AreFoundByName) {
  for (const AdaptMethod& method : adapt_methods()) {
    EXPECT_EQ(&find_adapt_method(method.name), &method);
    EXPECT_EQ(method.weight > 0, method.has_loss()) << method.name;
  }
  EXPECT_ERROR(find_adapt_method("dan"), "'dan'", "none", "adabn", "dann", "mmd", "coral");
}

class EveryMethod : public ::testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(Adaptation, EveryMethod, ::testing::Values("adabn", "dann", "mmd", "coral"));

TEST_P(EveryMethod, DomainsPassApartWithStatisticsOfTheirOwn) {
  const TensorBatch batch = batch_with_target();
  const Passed source = pass(fresh_network("odenet-14"), batch.images),
               target = pass(fresh_network("odenet-14"), batch.target);
  const nn::Network network = fresh_network("odenet-14");
  Adaptation adaptation(network, {.method = GetParam(), .weight = 2, .separate = true, .steps = kAdaptSteps});
  const auto outputs = adaptation.forward(batch.images, batch.target, kAdaptSteps / 2);
  EXPECT_TRUE(torch::equal(outputs.logits, source.logits));
  expect_equal(network->buffers(), source.statistics);
  {
    const TargetStatistics in_use(&adaptation);
    expect_equal(network->buffers(), target.statistics);
  }
  expect_equal(network->buffers(), source.statistics);
  if (std::string_view(GetParam()) == "mmd") {
    EXPECT_TRUE(torch::equal(outputs.loss, mmd_loss(source.features, target.features)));
    EXPECT_EQ(outputs.weight, 2 * adaptation_ramp(0.5));
  }
  if (std::string_view(GetParam()) == "coral") {
    EXPECT_TRUE(torch::equal(outputs.loss, coral_loss(source.features, target.features)));
  }
}

TEST_P(EveryMethod, JointlyTheyPassAsOneBatch) {
  const TensorBatch batch = batch_with_target();
  const Passed both = pass(fresh_network("odenet-14"), torch::cat({batch.images, batch.target}));
  const nn::Network network = fresh_network("odenet-14");
  Adaptation adaptation(network, {.method = GetParam(), .separate = false, .steps = kAdaptSteps});
  const auto outputs = adaptation.forward(batch.images, batch.target, 0);
  EXPECT_TRUE(torch::equal(outputs.logits, both.logits.narrow(0, 0, 6)));
  const TargetStatistics in_use(&adaptation);
  expect_equal(network->buffers(), both.statistics);
}

// The parameters of the network move as source loss + weight * adaptation loss says.
TEST_P(EveryMethod, StepFollowsTheSumOfBothLosses) {
  const std::string method = GetParam();
  const TensorBatch batch = batch_with_target();
  const nn::Network network = fresh_network("odenet-14"), plain = fresh_network("odenet-14");
  Adaptation adaptation(network, {.method = method, .weight = 3, .separate = true, .steps = kAdaptSteps});
  Step step(network, {}, {.adaptation = &adaptation});
  step.sgd().set_steps(kAdaptSteps / 4);
  const StepResult result = step(batch, 0.1);
  EXPECT_EQ(result.adapt_loss.defined(), method != "adabn");

  const Passed source = pass(plain, batch.images), target = pass(plain, batch.target);
  Tensor loss = torch::cross_entropy_loss(source.logits, batch.labels);
  EXPECT_NEAR(result.loss.item<double>(), 6 * loss.item<double>(), 6 * kFloatSlack);
  const double weight = 3 * adaptation_ramp(0.25);
  if (method == "mmd") loss = loss + weight * mmd_loss(source.features, target.features);
  if (method == "coral") loss = loss + weight * coral_loss(source.features, target.features);
  if (method == "dann") {
    fresh_network("odenet-14");  // the discriminator's weights are drawn after the network's
    loss = loss - weight * Discriminator(64)->loss(source.features, target.features);
  }
  loss.backward();
  // FlatSgd has the matrices first, then the rest; of each the network's, then the discriminator's. The first velocity
  // is the gradient.
  const Tensor velocity = step.sgd().state().at("velocity");
  int64_t matrices = 0, others = 0;
  for (const Tensor& p : adaptation.module().parameters()) others += p.dim() > 1 ? p.numel() : 0;
  for (const Tensor& p : plain->parameters()) {
    int64_t& at = p.dim() > 1 ? matrices : others;
    const Tensor found = velocity.as_strided(p.sizes(), p.strides(), at);
    // Without: the weight of a time that is always 0.
    const Tensor expected = p.grad().defined() ? p.grad() : torch::zeros_like(p);
    // Sums of thousands of float32 products in another order, through all layers.
    EXPECT_LE((found - expected).abs().max().item<double>(), 1e-4 * (1 + expected.abs().max().item<double>()));
    at += p.numel();
  }
}

TEST(Adaptation, DiscriminatorAndStatisticsAreTheOptimisersNotTheNetworks) {
  const nn::Network network = fresh_network("odenet-14");
  Adaptation adaptation(network, {.method = "dann", .separate = true, .steps = kAdaptSteps});
  EXPECT_EQ(adaptation.module().parameters().size(), network->parameters().size() + 4);
  EXPECT_EQ(adaptation.module().buffers().size(), 2 * network->buffers().size());
  Step step(network, {.sgd = {.ema = 0.9}}, {.adaptation = &adaptation});
  const auto discriminator = adaptation.module().named_parameters()["discriminator.weight1"];
  const Tensor before = discriminator.clone();
  step(batch_with_target(), 0.1);
  EXPECT_FALSE(torch::equal(discriminator, before));
  for (const auto& item : network->named_parameters()) EXPECT_EQ(item.key().find("discriminator"), std::string::npos);
}

TEST(Adaptation, TheNetworkStartsWithTheSameWeights) {
  const nn::Network plain = fresh_network("odenet-14"), adapted = fresh_network("odenet-14");
  const Adaptation adaptation(adapted, {.method = "dann", .separate = true, .steps = kAdaptSteps});
  expect_equal(adapted->parameters(), plain->parameters());
}

TEST(Adaptation, Bfloat16HasFloat32FeaturesAndLoss) {
  TensorBatch batch = batch_with_target();
  batch.images = batch.images.to(torch::kBFloat16);
  batch.target = batch.target.to(torch::kBFloat16);
  for (const char* method : {"dann", "mmd", "coral"}) {
    const nn::Network network = fresh_network("odenet-14");
    Adaptation adaptation(network, {.method = method, .separate = true, .steps = kAdaptSteps});
    Step step(network, {}, {.adaptation = &adaptation});
    const StepResult result = step(batch, 0.01);
    EXPECT_EQ(result.adapt_loss.scalar_type(), torch::kFloat32) << method;
    EXPECT_TRUE(std::isfinite(result.adapt_loss.item<double>())) << method;
  }
}

TEST(Adaptation, StepsBringTheFeaturesTogether) {
  const TensorBatch batch = batch_with_target();
  // Weights beside which the loss of the labels is nothing.
  for (const auto& [method, weight] : {std::pair("mmd", 100.0), std::pair("coral", 1e4)}) {
    const nn::Network network = fresh_network("odenet-14");
    Adaptation adaptation(network, {.method = method, .weight = weight, .separate = true, .steps = 1});
    Step step(network, {}, {.adaptation = &adaptation});
    step.sgd().set_steps(1);  // the end of the schedule
    const auto first = step(batch, 1e-3).adapt_loss.item<double>();
    for (int i = 0; i < 8; ++i) step(batch, 1e-3);
    EXPECT_LT(step(batch, 1e-3).adapt_loss.item<double>(), 0.9 * first) << method;
  }
}

TEST(Adaptation, WithoutThereIsNothingToSwap) { EXPECT_NO_THROW(TargetStatistics(nullptr)); }

}  // namespace
}  // namespace odenet::train
