#include "data/sample.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>
#include <vector>

#include "data/normalize.h"
#include "support/expect_error.h"

namespace odenet::data {
namespace {

// FNV-1a, http://www.isthe.com/chongo/tech/comp/fnv/
uint64_t checksum(const Dataset& dataset) {
  uint64_t hash = 0xcbf29ce484222325;
  for (const uint8_t byte : dataset.images) hash = (hash ^ byte) * 0x100000001b3;
  for (const int32_t label : dataset.labels) hash = (hash ^ static_cast<uint64_t>(label)) * 0x100000001b3;
  return hash;
}

class Sample : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    train_ = load("sample", "train", "");
    test_ = load("sample", "test", "");
  }
  static void TearDownTestSuite() { train_ = test_ = {}; }

  static inline Dataset train_, test_;
};

TEST_F(Sample, HasTheSameBytesOnEveryMachine) {
  EXPECT_EQ(checksum(train_), 0x1fb4ce6f3c19d9d1u);
  EXPECT_EQ(checksum(test_), 0xd3b39c401f302e7au);
}

TEST_F(Sample, IsBalanced) {
  for (const Dataset* dataset : {&train_, &test_}) {
    std::vector<size_t> counts(10);
    for (const int32_t label : dataset->labels) ++counts.at(static_cast<size_t>(label));
    EXPECT_EQ(counts, std::vector<size_t>(10, dataset->size() / 10));
    EXPECT_EQ(dataset->class_names.size(), 10u);
    EXPECT_EQ(dataset->name, "sample");
  }
  EXPECT_EQ(train_.size(), kSampleTrainImages);
  EXPECT_EQ(test_.size(), kSampleTestImages);
}

TEST_F(Sample, NoImageStandsThereTwice) {
  std::set<std::vector<uint8_t>> images;
  for (const Dataset* dataset : {&train_, &test_}) {
    for (size_t i = 0; i < dataset->size(); ++i) {
      const auto image = dataset->image(i);
      images.emplace(image.begin(), image.end());
    }
  }
  EXPECT_EQ(images.size(), kSampleTrainImages + kSampleTestImages);
}

TEST_F(Sample, NormalizationIsThatOfTheTrainingImages) {
  const Normalization& normalization = find_dataset("sample").normalization;
  for (size_t c = 0; c < 3; ++c) {
    double sum = 0, squares = 0;
    for (size_t i = 0; i < train_.size(); ++i) {
      for (const uint8_t value : train_.image(i).subspan(c * 1024, 1024)) {
        sum += value / 255.0;
        squares += (value / 255.0) * (value / 255.0);
      }
    }
    const double count = 1024.0 * static_cast<double>(train_.size()), mean = sum / count;
    EXPECT_NEAR(normalization.mean[c], mean, 1e-4);  // the table has four digits
    EXPECT_NEAR(normalization.std[c], std::sqrt(squares / count - mean * mean), 1e-4);
  }
}

TEST_F(Sample, UnknownSplitIsAnError) { EXPECT_ERROR(make_sample("valid"), "'valid'", "train, test"); }

// Softmax regression on the pixels by stochastic gradient descent: [10, 3072] weights and a bias.
class LinearClassifier {
 public:
  void train(const std::vector<float>& pixels, const std::vector<int32_t>& labels, float rate) {
    for (size_t i = 0; i < labels.size(); ++i) {
      const float* x = pixels.data() + i * kPixels;
      std::vector<float> p = logits(x);
      const float top = *std::max_element(p.begin(), p.end());
      float sum = 0;
      for (float& value : p) sum += value = std::exp(value - top);
      for (size_t k = 0; k < kClasses; ++k) {
        const float gradient = p[k] / sum - (static_cast<size_t>(labels[i]) == k ? 1.f : 0.f);
        float* w = weight_.data() + k * kPixels;
        for (size_t j = 0; j < kPixels; ++j) w[j] -= rate * gradient * x[j];
        bias_[k] -= rate * gradient;
      }
    }
  }

  double accuracy(const std::vector<float>& pixels, const std::vector<int32_t>& labels) const {
    size_t right = 0;
    for (size_t i = 0; i < labels.size(); ++i) {
      const std::vector<float> p = logits(pixels.data() + i * kPixels);
      right += std::max_element(p.begin(), p.end()) - p.begin() == labels[i];
    }
    return static_cast<double>(right) / static_cast<double>(labels.size());
  }

 private:
  static constexpr size_t kPixels = 3072, kClasses = 10;

  std::vector<float> logits(const float* x) const {
    std::vector<float> values = bias_;
    for (size_t k = 0; k < kClasses; ++k) {
      const float* w = weight_.data() + k * kPixels;
      float parts[16] = {};  // so that the compiler may use SIMD
      for (size_t j = 0; j < kPixels; ++j) parts[j % 16] += w[j] * x[j];
      values[k] += std::accumulate(parts, parts + 16, 0.f);
    }
    return values;
  }

  std::vector<float> weight_ = std::vector<float>(kClasses * kPixels), bias_ = std::vector<float>(kClasses);
};

TEST(LinearClassifier, LearnsWhatIsLinear) {
  // The bound below means something only if this classifier learns when it can: class k is brighter in the k-th band.
  std::vector<float> pixels(1'000 * 3072, 0.f);
  std::vector<int32_t> labels;
  for (size_t i = 0; i < 1'000; ++i) {
    labels.push_back(static_cast<int32_t>(i % 10));
    for (size_t j = 0; j < 300; ++j) pixels[i * 3072 + (i % 10) * 300 + j] = 0.1f * static_cast<float>(1 + i % 7);
  }
  LinearClassifier classifier;
  classifier.train(pixels, labels, 1e-3f);
  EXPECT_GT(classifier.accuracy(pixels, labels), 0.99);
}

TEST_F(Sample, IsNotLinear) {
  const Normalization& normalization = find_dataset("sample").normalization;
  const auto train = normalize(train_.images, 32, 32, normalization);
  const auto test = normalize(test_.images, 32, 32, normalization);
  LinearClassifier classifier;
  double best = 0;
  for (const float rate : {1e-4f, 1e-4f, 1e-5f, 1e-5f}) {
    classifier.train(train, train_.labels, rate);
    best = std::max(best, classifier.accuracy(test, test_.labels));
  }
  EXPECT_LT(best, 0.25);  // guessing: 0.10
}

}  // namespace
}  // namespace odenet::data
