// Each loss against its definition written out in double precision, and its gradient against finite differences of
// that.
#include "train/adaptation_losses.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include <cmath>
#include <functional>

namespace odenet::train {
namespace {

using torch::Tensor;

constexpr int64_t kFeatures = 5;

Tensor random_features(int64_t n, double shift, uint64_t seed) {
  torch::manual_seed(seed);
  return torch::randn({n, kFeatures}, torch::kFloat64) * (1 + shift) + shift;
}

double at(const Tensor& x, int64_t row, int64_t column) { return x.data_ptr<double>()[row * x.size(1) + column]; }

double squared_distance(const Tensor& a, int64_t i, const Tensor& b, int64_t j) {
  double sum = 0;
  for (int64_t f = 0; f < kFeatures; ++f) sum += (at(a, i, f) - at(b, j, f)) * (at(a, i, f) - at(b, j, f));
  return sum;
}

double plain_bandwidth(const Tensor& s, const Tensor& t) {
  const Tensor all = torch::cat({s, t});
  double sum = 0, pairs = 0;
  for (int64_t i = 0; i < all.size(0); ++i)
    for (int64_t j = 0; j < all.size(0); ++j)
      if (i != j) {
        sum += squared_distance(all, i, all, j);
        ++pairs;
      }
  return sum / pairs;
}

double plain_mmd(const Tensor& s, const Tensor& t, double bandwidth) {
  const auto mean_kernel = [&](const Tensor& a, const Tensor& b) {
    double sum = 0;
    for (int64_t i = 0; i < a.size(0); ++i)
      for (int64_t j = 0; j < b.size(0); ++j)
        for (const double width : {0.25, 0.5, 1.0, 2.0, 4.0})
          sum += std::exp(-squared_distance(a, i, b, j) / (width * bandwidth)) / 5;
    return sum / static_cast<double>(a.size(0) * b.size(0));
  };
  return mean_kernel(s, s) + mean_kernel(t, t) - 2 * mean_kernel(s, t);
}

// The covariance as Sun and Saenko write it, with sums rather than centred features.
double plain_coral(const Tensor& s, const Tensor& t) {
  const auto covariance = [](const Tensor& x, int64_t i, int64_t j) {
    double products = 0, sum_i = 0, sum_j = 0;
    const auto n = static_cast<double>(x.size(0));
    for (int64_t k = 0; k < x.size(0); ++k) {
      products += at(x, k, i) * at(x, k, j);
      sum_i += at(x, k, i);
      sum_j += at(x, k, j);
    }
    return (products - sum_i * sum_j / n) / (n - 1);
  };
  double sum = 0;
  for (int64_t i = 0; i < kFeatures; ++i)
    for (int64_t j = 0; j < kFeatures; ++j) {
      const double difference = covariance(s, i, j) - covariance(t, i, j);
      sum += difference * difference;
    }
  return sum / (4.0 * kFeatures * kFeatures);
}

// The gradient at `x` has to be the slope of `value` there.
void expect_slope(const Tensor& gradient, const Tensor& x, const std::function<double()>& value) {
  constexpr double kStep = 1e-5;
  for (int64_t i = 0; i < x.numel(); ++i) {
    double* const entry = x.data_ptr<double>() + i;
    const double kept = *entry;
    *entry = kept + kStep;
    const double above = value();
    *entry = kept - kStep;
    const double below = value();
    *entry = kept;
    // Values of order 1 have 16 digits, of which the division by the step takes 5; its square is the method's error.
    EXPECT_NEAR(gradient.flatten()[i].item<double>(), (above - below) / (2 * kStep), 1e-8) << i;
  }
}

struct Features {
  Tensor source = random_features(7, 0, 1).requires_grad_();
  Tensor target = random_features(4, 0.5, 2).requires_grad_();  // not as many
};

TEST(Mmd, IsItsDefinition) {
  const Features f;
  const double bandwidth = plain_bandwidth(f.source, f.target);
  EXPECT_NEAR(mmd_bandwidth(f.source, f.target).item<double>(), bandwidth, 1e-12);
  const Tensor loss = mmd_loss(f.source, f.target);
  EXPECT_NEAR(loss.item<double>(), plain_mmd(f.source, f.target, bandwidth), 1e-12);
  EXPECT_GT(loss.item<double>(), 0.05);
  loss.backward();
  const Features moved;
  const auto value = [&] { return plain_mmd(moved.source, moved.target, bandwidth); };  // the bandwidth is a constant
  const torch::NoGradGuard no_grad;
  expect_slope(f.source.grad(), moved.source, value);
  expect_slope(f.target.grad(), moved.target, value);
}

TEST(Mmd, OfTheSameFeaturesIsZero) {
  const Tensor x = random_features(6, 0, 3);
  EXPECT_NEAR(mmd_loss(x, x).item<double>(), 0, 1e-12);
  const Tensor constant = torch::ones({4, kFeatures}).requires_grad_();
  const Tensor loss = mmd_loss(constant, constant);
  loss.backward();
  EXPECT_EQ(loss.item<float>(), 0);
  EXPECT_TRUE(constant.grad().isfinite().all().item<bool>()) << "dead features must not end a training";
}

TEST(Coral, IsItsDefinition) {
  const Features f;
  const Tensor loss = coral_loss(f.source, f.target);
  EXPECT_NEAR(loss.item<double>(), plain_coral(f.source, f.target), 1e-12);
  EXPECT_GT(loss.item<double>(), 0.01);
  loss.backward();
  const Features moved;
  const auto value = [&] { return plain_coral(moved.source, moved.target); };
  const torch::NoGradGuard no_grad;
  expect_slope(f.source.grad(), moved.source, value);
  expect_slope(f.target.grad(), moved.target, value);
}

TEST(Coral, SeesCovariancesOnly) {
  const Tensor x = random_features(6, 0, 3);
  EXPECT_NEAR(coral_loss(x, x + 3).item<double>(), 0, 1e-12);
  EXPECT_GT(coral_loss(x, 2 * x).item<double>(), 0.01);
}

TEST(ReverseGradient, IsTheIdentityWithAGradientOfItsOwn) {
  const Tensor x = random_features(3, 0, 1).requires_grad_();
  const Tensor y = reverse_gradient(x, 0.25);
  EXPECT_TRUE(torch::equal(y, x));
  (y * y).sum().backward();
  EXPECT_TRUE(torch::allclose(x.grad(), -0.25 * 2 * x, 0, 1e-15));
}

class DiscriminatorTest : public ::testing::Test {
 protected:
  DiscriminatorTest() {
    torch::manual_seed(4);
    discriminator_ = Discriminator(kFeatures);
    discriminator_->to(torch::kFloat64);
  }

  double plain_loss(const Tensor& s, const Tensor& t) const {
    const auto parameters = discriminator_->named_parameters();
    const Tensor weight1 = parameters["weight1"], weight2 = parameters["weight2"];
    const Tensor bias1 = parameters["bias1"].unsqueeze(0), bias2 = parameters["bias2"].unsqueeze(0);
    const auto score = [&](const Tensor& x, int64_t row) {
      double sum = at(bias2, 0, 0);
      for (int64_t h = 0; h < weight1.size(0); ++h) {
        double hidden = at(bias1, 0, h);
        for (int64_t f = 0; f < kFeatures; ++f) hidden += at(weight1, h, f) * at(x, row, f);
        sum += at(weight2, 0, h) * std::max(0.0, hidden);
      }
      return sum;
    };
    double of_source = 0, of_target = 0;
    for (int64_t i = 0; i < s.size(0); ++i) of_source -= std::log(1 / (1 + std::exp(-score(s, i))));
    for (int64_t i = 0; i < t.size(0); ++i) of_target -= std::log(1 - 1 / (1 + std::exp(-score(t, i))));
    return of_source / static_cast<double>(2 * s.size(0)) + of_target / static_cast<double>(2 * t.size(0));
  }

  Discriminator discriminator_{nullptr};
};

TEST_F(DiscriminatorTest, LossIsItsDefinition) {
  const Features f;
  const Tensor loss = discriminator_->loss(f.source, f.target);
  EXPECT_NEAR(loss.item<double>(), plain_loss(f.source, f.target), 1e-12);
  loss.backward();
  const Features moved;
  const auto value = [&] { return plain_loss(moved.source, moved.target); };
  const torch::NoGradGuard no_grad;
  expect_slope(f.source.grad(), moved.source, value);
  expect_slope(f.target.grad(), moved.target, value);
  expect_slope(discriminator_->named_parameters()["bias1"].grad(), discriminator_->named_parameters()["bias1"],
               [&] { return plain_loss(moved.source, moved.target); });
}

// What makes the training adversarial: the discriminator goes down its loss, the features go up.
TEST_F(DiscriminatorTest, ReversedFeaturesClimb) {
  const Features plain, reversed;
  const auto gradients = [&](const Tensor& source, const Tensor& target, const Features& f) {
    discriminator_->zero_grad();
    discriminator_->loss(source, target).backward();
    std::vector<Tensor> all{f.source.grad().clone(), f.target.grad().clone()};
    for (const Tensor& p : discriminator_->parameters()) all.push_back(p.grad().clone());
    return all;
  };
  const auto down = gradients(plain.source, plain.target, plain);
  const auto up = gradients(reverse_gradient(reversed.source, 0.5), reverse_gradient(reversed.target, 0.5), reversed);
  for (size_t i = 0; i < down.size(); ++i)
    EXPECT_TRUE(torch::allclose(up[i], (i < 2 ? -0.5 : 1) * down[i], 0, 1e-15)) << i;
}

TEST(AdaptationRamp, GrowsFromZeroToOne) {
  EXPECT_EQ(adaptation_ramp(0), 0);
  EXPECT_NEAR(adaptation_ramp(0.1), 2 / (1 + std::exp(-1.0)) - 1, 1e-15);
  EXPECT_NEAR(adaptation_ramp(0.5), 0.986614298151430, 1e-12);
  EXPECT_NEAR(adaptation_ramp(1), 0.999909204262595, 1e-12);
}

}  // namespace
}  // namespace odenet::train
