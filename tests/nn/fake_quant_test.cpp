#include "nn/fake_quant.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include <map>

#include "fixed/calibration.h"
#include "fixed/formats_text.h"
#include "fixed/quantizer.h"
#include "fixed/trained_formats.h"
#include "nn/float_backend.h"
#include "support/expect_error.h"
#include "support/synthetic.h"
#include "support/temporary_folder.h"

namespace odenet::nn {
namespace {

using odenet::testing::random_images;
using odenet::testing::small_spec;
using odenet::testing::synthetic_checkpoint;

TEST(FakeQuantize, RoundsAsTheIntegersDo) {
  torch::manual_seed(1);
  for (const fixed::Format format : {fixed::Format{8, 5}, fixed::Format{4, 1}, fixed::Format{16, 10}}) {
    const auto x = torch::cat({torch::randn({1000}) * 3, torch::arange(-40, 40) / (2 * format.one())});
    const auto y = fake_quantize(x, format);
    for (int64_t i = 0; i < x.numel(); ++i) {
      int64_t saturations = 0;
      const auto integer = fixed::saturate(static_cast<int64_t>(std::floor(x[i].item<double>() * format.one() + 0.5)),
                                           format, &saturations);
      ASSERT_EQ(y[i].item<double>(), format.to_real(integer)) << x[i].item<double>();
    }
  }
}

TEST(FakeQuantize, PassesGradientsWhereItDoesNotSaturate) {
  const auto x = torch::tensor({-9.0f, -1.3f, 0.2f, 3.99f, 4.5f}).requires_grad_();
  (fake_quantize(x, {8, 5}) * torch::tensor({1.0f, 2.0f, 3.0f, 4.0f, 5.0f})).sum().backward();
  EXPECT_TRUE(torch::equal(x.grad(), torch::tensor({0.0f, 2.0f, 3.0f, 0.0f, 0.0f})));
  const auto weight = torch::randn({4, 3, 3, 3}).requires_grad_();
  fake_quantize_weight(weight, 4, true).sum().backward();
  EXPECT_TRUE(torch::equal(weight.grad(), torch::ones_like(weight)));
}

TEST(FakeQuantize, SmallChannelsGetFinerWeights) {
  auto weight = torch::tensor({0.9f, 0.3f, 0.05f, 0.013f}).reshape({2, 2});
  const auto plain = fake_quantize_weight(weight, 4, false), scaled = fake_quantize_weight(weight, 4, true);
  EXPECT_TRUE(torch::equal(plain, torch::tensor({0.75f + 0.125f, 0.25f, 0.0f, 0.0f}).reshape({2, 2}))) << plain;
  EXPECT_TRUE(torch::equal(scaled[0], plain[0]));
  EXPECT_TRUE(torch::allclose(scaled[1], torch::tensor({6.0f / 128, 2.0f / 128}))) << scaled[1];
}

// The values of the points in front, where roundings that differ have not yet spread.
using Points = std::map<std::string, std::vector<double>>;
bool in_front(std::string_view point) { return point == "conv1" || point == "layer1.0.hidden" || point == "layer1.0"; }

Points points_of(const std::filesystem::path& path, std::span<const uint8_t> images) {
  Points points;
  FloatBackend(load_checkpoint(path)).logits(images, [&](std::string_view point, std::span<const float> values) {
    if (in_front(point)) points[std::string(point)].assign(values.begin(), values.end());
  });
  return points;
}

Points points_of(const fixed::Network& net, std::span<const uint8_t> images) {
  Points points;
  fixed::Runner(net, 1).run(images, [&](std::string_view point, std::span<const int32_t> values) {
    if (!in_front(point)) return;
    const fixed::Format format = fixed::format_at(net, point);
    for (const int32_t value : values) points[std::string(point)].push_back(format.to_real(value));
  });
  return points;
}

// The share of values that are not the same numbers of 6 bits.
double differing(const std::vector<double>& a, const std::vector<double>& b) {
  size_t count = 0;
  for (size_t i = 0; i < a.size(); ++i) count += std::abs(a[i] - b[i]) > 1e-3;
  return static_cast<double>(count) / static_cast<double>(a.size());
}

class QuantizedNetwork : public ::testing::TestWithParam<Body> {};

// But for values next to a tie, which the shifts of norms, rounded in the integer network alone, take to the other
// side.
TEST_P(QuantizedNetwork, ComputesWhatTheIntegerNetworkDoes) {
  NetworkSpec spec = small_spec();
  spec.stages[0].skips = {Skip::kShort, Skip::kNone};
  spec.stages[1].shortcut = Shortcut::kProjection;
  for (Stage& stage : spec.stages) stage.body = GetParam();
  SafeTensors checkpoint = synthetic_checkpoint(spec, 3);
  const auto images = random_images(spec, 40, 4);
  fixed::Calibration calibration(fixed::quantize(checkpoint), 1);
  calibration.run(images);
  const odenet::testing::TemporaryFolder folder;
  checkpoint.save(folder / "float.safetensors");
  std::string activations = "6.3";
  for (const auto& [name, format] : calibration.formats(6).activations)
    activations += "," + name + "=" + fixed::to_text(format);
  checkpoint.metadata[fixed::kTrainedBits] = "6";
  checkpoint.metadata[fixed::kTrainedActivations] = activations;
  checkpoint.save(folder / "trained.safetensors");

  const fixed::Network net =
      fixed::quantize(checkpoint, {.formats = fixed::trained_formats(checkpoint), .channel_scaling = true});
  const Points integers = points_of(net, images), rounded = points_of(folder / "trained.safetensors", images),
               plain = points_of(folder / "float.safetensors", images);
  ASSERT_EQ(integers.size(), 3u);
  for (const auto& [point, values] : integers) {
    EXPECT_LT(differing(rounded.at(point), values), 0.05) << point;
    EXPECT_GT(differing(plain.at(point), values), 0.3) << point;
  }
}

INSTANTIATE_TEST_SUITE_P(Bodies, QuantizedNetwork, ::testing::Values(Body::kPlain, Body::kSeparable));

TEST(QuantizedNetworks, NeedEulersStepsAndBackpropagation) {
  NetworkSpec spec = small_spec();
  Network rk4(with_solver(spec, "rk4", 2)), aca(spec);
  aca->set_gradient(ode::Gradient::kAca);
  EXPECT_ERROR(rk4->set_quantization({}), "layer2_2.0", "Euler", "'rk4'");
  EXPECT_ERROR(aca->set_quantization({}), "layer2_2.0", "backprop");
  Network quantized(spec);
  quantized->set_quantization({});
  EXPECT_ERROR(quantized->set_gradient(ode::Gradient::kAca), "layer2_2.0", "backprop", "aca");
}

}  // namespace
}  // namespace odenet::nn
