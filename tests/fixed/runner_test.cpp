#include "fixed/runner.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <map>

#include "fixed/naive_block.h"
#include "fixed/quantizer.h"
#include "support/expect_error.h"
#include "support/synthetic.h"

namespace odenet::fixed {
namespace {

using odenet::testing::random_images;
using odenet::testing::small_spec;
using odenet::testing::synthetic_checkpoint;

Network small_network(uint32_t seed = 1) { return quantize(synthetic_checkpoint(small_spec(), seed)); }

// A block of random integers in the whole range of the formats, but for weights within the accumulator bound.
RC_GTEST_PROP(BlockRunner, EqualsTheNaiveBlock, (uint32_t seed, bool is_ode, bool extreme)) {
  std::mt19937 random(seed);
  Stage stage{.name = "block", .in_channels = *rc::gen::inRange(1, 6), .ode = is_ode};
  stage.channels = is_ode ? stage.in_channels : stage.in_channels + *rc::gen::inRange(0, 3);
  stage.stride = is_ode ? 1 : *rc::gen::inRange(1, 3);
  if (is_ode) {
    const auto solvers = ode::solvers();
    const ode::Solver& solver = solvers[*rc::gen::inRange<size_t>(0, solvers.size())];
    stage.solver = solver.name;
    stage.executions = static_cast<int>(ode::evaluations(solver, *rc::gen::inRange(1, 4)));
  }
  stage.body = *rc::gen::element(Body::kPlain, Body::kSeparable);
  stage.shortcut = *rc::gen::element(Shortcut::kPad, Shortcut::kProjection);
  stage.norm = *rc::gen::element(NormKind::kBatch, NormKind::kInstance);
  if (!is_ode) stage.skips = {*rc::gen::element(Skip::kFull, Skip::kShort, Skip::kNone)};
  NetworkSpec spec{.model = "block", .classes = 1, .stem_channels = stage.in_channels, .stages = {stage}};
  spec.height = *rc::gen::inRange(2, 10);
  spec.width = *rc::gen::inRange(2, 10);
  Formats formats;
  Format input_format;
  if (*rc::gen::arbitrary<bool>()) {  // another format at every point
    const auto any_format = [&](int width) { return Format{width, *rc::gen::inRange(0, width)}; };
    formats.sum = Format{32, *rc::gen::inRange(0, 24)};
    formats.activation = any_format(*rc::gen::element(8, 16, 18, 24));
    formats.weight = any_format(*rc::gen::element(8, 12, 16));
    for (const char* point : {".0", ".0.hidden", ".0.conv1.depthwise", ".0.conv2.depthwise"})
      if (*rc::gen::arbitrary<bool>()) formats.activations["block" + std::string(point)] = any_format(12);
    if (*rc::gen::arbitrary<bool>()) formats.weights["block.0.conv2"] = any_format(14);
    input_format = any_format(16);
    formats.activations["conv1"] = input_format;
    for (auto& [name, format] : formats.activations) format.fraction = std::min(format.fraction, 10);
  }
  input_format = formats.activation_of("conv1");
  const Network skeleton = make_skeleton(spec, formats);
  for (const ConvLayer& layer : conv_layers(skeleton.blocks[0], formats, input_format))
    if (!layer.norm) {  // a depthwise result has no more fraction than its products
      Format& format = formats.activations.insert({layer.name, layer.formats.sum}).first->second;
      format.fraction = std::min(format.fraction, layer.formats.input.fraction + layer.formats.weight.fraction);
    }
  Network net = make_network(spec, formats);
  const auto fill = [&](std::vector<int32_t>& values, int64_t limit) {
    std::uniform_int_distribution<int64_t> any(-limit, limit);
    for (int32_t& value : values) value = static_cast<int32_t>(any(random));
  };
  for_each_tensor(net, [&](const TensorView& tensor) {
    const int64_t most = tensor.format.max(), one = int64_t{1} << tensor.format.fraction;
    if (tensor.name.ends_with(".weight"))
      fill(tensor.values, std::min(most, extreme ? 16 * one - 1 : std::max<int64_t>(1, one / 4)));
    else
      fill(tensor.values, extreme ? most : std::min(most, tensor.name.ends_with(".scale") ? one : 8 * one));
  });
  const Block& block = net.blocks[0];
  const int images = *rc::gen::inRange(1, 4);
  std::vector<int32_t> input, expected;
  for (int i = 0; i < images; ++i) {
    std::vector<int32_t> z(static_cast<size_t>(stage.in_channels * block.height * block.width));
    fill(z, extreme ? input_format.max() : std::min<int64_t>(input_format.max(), 8 << input_format.fraction));
    input.insert(input.end(), z.begin(), z.end());
    const auto output = testing::naive_block(block, net.formats(), input_format, z);
    expected.insert(expected.end(), output.begin(), output.end());
  }
  RC_ASSERT(BlockRunner(block, net.formats(), 2, input_format).run(input) == expected);
}

TEST(BlockRunner, RefusesIncompleteTables) {
  const Network net = small_network();
  Block block = net.blocks[3];
  block.norm2.shift.pop_back();
  EXPECT_ERROR(BlockRunner(block, net.formats()), "layer2_2.0.norm2", "23 shifts, expected 24");
  block = net.blocks[3];
  block.conv1.weight.pop_back();
  EXPECT_ERROR(BlockRunner(block, net.formats()), "layer2_2.0.conv1", "575 weights, expected the shape [8, 8, 3, 3]");
  block = net.blocks[3];
  block.conv2.time_bias.clear();
  EXPECT_ERROR(BlockRunner(block, net.formats()), "layer2_2.0.conv2", "0 time biases, expected 216");
}

TEST(Runner, TapsEveryPointInNetworkOrder) {
  std::vector<std::string> points;
  std::map<std::string, size_t> sizes;
  const Network net = small_network();
  const auto images = random_images(net.spec, 3, 1);
  Runner runner(net);
  const auto logits = runner.run(images, [&](std::string_view point, std::span<const int32_t> values) {
    points.emplace_back(point);
    sizes[points.back()] = values.size();
  });
  EXPECT_EQ(points, (std::vector<std::string>{"conv1", "layer1.0.hidden", "layer1.0", "layer1.1.hidden", "layer1.1",
                                              "layer2_1.0.hidden", "layer2_1.0", "layer2_2.0[0].hidden",
                                              "layer2_2.0[0]", "layer2_2.0[1].hidden", "layer2_2.0[1]",
                                              "layer2_2.0[2].hidden", "layer2_2.0[2]", "pool", "fc"}));
  EXPECT_EQ(sizes["conv1"], 3 * 4 * 8 * 8u);
  EXPECT_EQ(sizes["layer2_1.0.hidden"], 3 * 8 * 4 * 4u);
  EXPECT_EQ(sizes["pool"], 3 * 8u);
  EXPECT_EQ(sizes["fc"], logits.size());
}

TEST(Runner, ResultDependsNeitherOnThreadsNorOnGrouping) {
  const Network net = small_network();
  const auto images = random_images(net.spec, 7, 2);
  const auto expected = Runner(net, 1).run(images);
  EXPECT_EQ(Runner(net, 3).run(images), expected);
  Runner runner(net, 2);
  std::vector<int32_t> one_by_one;
  for (size_t at = 0; at < images.size(); at += images.size() / 7)
    for (const int32_t logit : runner.run(std::span(images).subspan(at, images.size() / 7)))
      one_by_one.push_back(logit);
  EXPECT_EQ(one_by_one, expected);
}

TEST(Runner, ReplacesABlock) {
  const Network net = small_network();
  const auto images = random_images(net.spec, 3, 3);
  Runner plain(net), replaced(net);
  const auto expected = plain.run(images);

  replaced.replace_block(3, [&](std::span<const int32_t> z0) { return plain.block(3).run(z0); });
  std::vector<std::string> points;
  EXPECT_EQ(replaced.run(images, [&](std::string_view p, std::span<const int32_t>) { points.emplace_back(p); }),
            expected);
  EXPECT_EQ(points.size(), 10u);
  EXPECT_EQ(points[7], "layer2_2.0[2]");

  replaced.replace_block(3, [](std::span<const int32_t> z0) { return std::vector<int32_t>(z0.size()); });
  EXPECT_NE(replaced.run(images), expected);
  replaced.replace_block(3, [](std::span<const int32_t>) { return std::vector<int32_t>(1); });
  EXPECT_ERROR(replaced.run(images), "layer2_2.0", "1 values, expected 384");
}

TEST(Runner, BlockInputIsTheOutputOfTheOneBefore) {
  const Network net = small_network();
  const auto images = random_images(net.spec, 2, 4);
  Runner runner(net);
  std::vector<int32_t> before;
  runner.run(images, [&](std::string_view point, std::span<const int32_t> values) {
    if (point == "layer2_1.0") before.assign(values.begin(), values.end());
  });
  EXPECT_EQ(runner.block_input(images, 3), before);
}

TEST(Runner, CountsSaturationsByLayer) {
  Network net = small_network();
  const auto images = random_images(net.spec, 2, 5);
  Runner clean(net);
  clean.run(images);
  for (const auto& [layer, count] : clean.saturations()) EXPECT_EQ(count, 0) << layer;

  for (int32_t& shift : net.blocks[0].norm1.shift) shift = INT32_MIN;
  net.fc_bias[0] = INT32_MAX;
  for (size_t k = 0; k < 8; ++k) net.fc_weight[k] = 1;
  Runner saturating(net);
  std::map<std::string, int64_t> counts;
  saturating.run(images);
  for (const auto& [layer, count] : saturating.saturations()) counts[layer] = count;
  EXPECT_EQ(counts.size(), 2 + 4 * 5 + 1u);
  EXPECT_GT(counts["layer1.0.norm1"], 0);
  EXPECT_LE(counts["layer1.0.norm1"], 2 * 4 * 64);
  EXPECT_EQ(counts["layer1.0.conv1"], 0);
}

TEST(Runner, CountsSaturationsOfEveryLayerThatABlockHas) {
  NetworkSpec spec = small_spec();
  spec.stages[0].skips = {Skip::kNone, Skip::kShort};
  spec.stages[1].shortcut = Shortcut::kProjection;
  spec.stages[2].body = Body::kSeparable;
  std::vector<std::string> names;
  for (const auto& [layer, count] : Runner(quantize(synthetic_checkpoint(spec, 1))).saturations())
    names.push_back(layer);
  EXPECT_EQ(names, (std::vector<std::string>{"conv1",
                                             "conv1.norm",
                                             "layer1.0.conv1",
                                             "layer1.0.norm1",
                                             "layer1.0.conv2",
                                             "layer1.0.norm2",
                                             "layer1.1.conv1",
                                             "layer1.1.norm1",
                                             "layer1.1.conv2",
                                             "layer1.1.norm2",
                                             "layer1.1.sum",
                                             "layer2_1.0.conv1",
                                             "layer2_1.0.norm1",
                                             "layer2_1.0.conv2",
                                             "layer2_1.0.norm2",
                                             "layer2_1.0.shortcut",
                                             "layer2_1.0.shortcut.norm",
                                             "layer2_1.0.sum",
                                             "layer2_2.0.conv1.depthwise",
                                             "layer2_2.0.conv1",
                                             "layer2_2.0.norm1",
                                             "layer2_2.0.conv2.depthwise",
                                             "layer2_2.0.conv2",
                                             "layer2_2.0.norm2",
                                             "layer2_2.0.sum",
                                             "fc"}));
}

TEST(Runner, RefusesAPartOfAnImageAndBadNetworks) {
  Network net = small_network();
  EXPECT_ERROR(Runner(net).run(std::vector<uint8_t>(100)), "100 bytes", "multiple of 192");
  EXPECT_TRUE(Runner(net).run({}).empty());
  Network broken = net;
  for (int32_t& weight : broken.blocks[3].conv1.weight) weight = static_cast<int32_t>(net.weight.min());
  EXPECT_ERROR(Runner(broken), "layer2_2.0.conv1, output channel 0");
  net.fc_bias.pop_back();
  EXPECT_ERROR(Runner(net), "fc.bias", "[5]");
}

}  // namespace
}  // namespace odenet::fixed
