#include "train/step.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include "train/fresh_network.h"

namespace odenet::train {
namespace {

using testing::fresh_network;
using testing::kFloatSlack;
using torch::Tensor;

TensorBatch make_batch(bool mixed = false) {
  torch::manual_seed(2);
  TensorBatch batch;
  batch.images = torch::randn({8, 3, 32, 32}).contiguous(torch::MemoryFormat::ChannelsLast);
  batch.labels = torch::randint(10, {8}, torch::kInt64);
  if (mixed) {
    batch.mixed_labels = (batch.labels + 3) % 10;
    batch.lambda = 0.7;
  }
  return batch;
}

// Sum of -log softmax(logits) against the smoothed labels, written out.
double direct_loss(const Tensor& logits, const Tensor& labels, double smoothing) {
  const Tensor z = logits.to(torch::kFloat64);
  const Tensor log_p = z - z.exp().sum(1, true).log();
  const Tensor of_label = log_p.gather(1, labels.unsqueeze(1)).sum();
  return -((1 - smoothing) * of_label + smoothing * log_p.mean(1).sum()).item<double>();
}

Tensor training_logits(const TensorBatch& batch) {
  const torch::NoGradGuard no_grad;
  return fresh_network("biased-odenet-14")->forward(batch.images);
}

TEST(Step, LossSumAndCorrectAreThoseOfTheForwardPass) {
  TensorBatch batch = make_batch();
  const Tensor logits = training_logits(batch);
  batch.labels.slice(0, 0, 3).copy_(logits.argmax(1).slice(0, 0, 3));  // some right, some wrong
  batch.labels.slice(0, 3, 8).copy_((logits.argmax(1).slice(0, 3, 8) + 1) % 10);
  for (const double smoothing : {0.0, 0.1}) {
    Step step(fresh_network("biased-odenet-14"), {.sgd = {}, .label_smoothing = smoothing});
    const StepResult result = step(batch, 0.1);
    const double expected = direct_loss(logits, batch.labels, smoothing);
    EXPECT_NEAR(result.loss.item<double>(), expected, kFloatSlack * expected);
    EXPECT_EQ(result.correct.item<int64_t>(), 3);
    EXPECT_EQ(result.images, 8);
  }
}

TEST(Step, MixupWeighsTheLossesOfBothLabels) {
  const TensorBatch batch = make_batch(true);
  const Tensor logits = training_logits(batch);
  Step step(fresh_network("biased-odenet-14"), {.sgd = {}, .label_smoothing = 0.1});
  const double expected =
      0.7 * direct_loss(logits, batch.labels, 0.1) + 0.3 * direct_loss(logits, batch.mixed_labels, 0.1);
  EXPECT_NEAR(step(batch, 0.1).loss.item<double>(), expected, kFloatSlack * expected);
}

TEST(Step, LowersTheLossOfItsBatch) {
  const TensorBatch batch = make_batch();
  Step step(fresh_network("biased-odenet-14"), {});
  const auto first = step(batch, 0.01).loss.item<double>();
  step(batch, 0.01);
  EXPECT_LT(step(batch, 0.01).loss.item<double>(), first);
}

TEST(Step, AloneAmongWorkersTakesTheSameStep) {
  const TensorBatch batch = make_batch();
  Step alone(fresh_network("biased-odenet-14"), {}), shared(fresh_network("biased-odenet-14"), {});
  Workers workers;
  alone(batch, 0.1);
  shared(batch, 0.1, workers, batch.size());
  EXPECT_TRUE(torch::equal(alone.sgd().state().at("parameters"), shared.sgd().state().at("parameters")));
}

TEST(Step, Bfloat16IsCloseToFloat32) {
  const TensorBatch batch = make_batch();
  TensorBatch coarse = batch;
  coarse.images = batch.images.to(torch::kBFloat16);
  Step exact(fresh_network("biased-odenet-14"), {}), rounded(fresh_network("biased-odenet-14"), {});
  const auto expected = exact(batch, 0.1).loss.item<double>(), found = rounded(coarse, 0.1).loss.item<double>();
  // bfloat16 keeps 8 bits: each of the 14 layers adds relative roundings of up to 2^-9, independent of each other.
  EXPECT_NEAR(found, expected, 0.02 * expected);
  const Tensor g = exact.sgd().state().at("velocity"), h = rounded.sgd().state().at("velocity");
  EXPECT_EQ(h.scalar_type(), torch::kFloat32);
  EXPECT_GT(torch::cosine_similarity(g, h, 0).item<double>(), 0.99) << "the first velocity is the gradient";
  EXPECT_FALSE(torch::equal(g, h)) << "the step did use bfloat16";
}

}  // namespace
}  // namespace odenet::train
