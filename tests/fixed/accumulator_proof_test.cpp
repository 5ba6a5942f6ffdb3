#include "fixed/accumulator_proof.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <limits>

#include "support/expect_error.h"
#include "support/synthetic.h"

namespace odenet::fixed {
namespace {

// Weights whose sum of magnitudes is exactly `sum`.
std::vector<int32_t> weights_with_sum(int64_t sum, size_t count) {
  std::vector<int32_t> weights(count, static_cast<int32_t>(sum / static_cast<int64_t>(count)));
  weights.back() += static_cast<int32_t>(sum % static_cast<int64_t>(count));
  return weights;
}

// What the engine's accumulator of the low or high parts holds after each product; nullopt once it does not fit.
bool fits_accumulator(const std::vector<int32_t>& weights, int32_t part) {
  int64_t sum = 0;
  for (const int32_t weight : weights) {
    sum += int64_t{weight} * part;
    if (bits_needed(sum, sum) > kAccumulatorBits) return false;
  }
  return true;
}

TEST(AccumulatorProof, HoldsUpToTheBoundAndTheBoundIsTight) {
  const Format activation{32, 20};
  const int64_t bound = accumulator_bound(activation);
  const auto at_bound = weights_with_sum(bound, 576), beyond = weights_with_sum(bound + 1, 576);
  EXPECT_TRUE(prove_accumulator("c", at_bound, 1, activation).holds());
  EXPECT_FALSE(prove_accumulator("c", beyond, 1, activation).holds());

  const int32_t largest_low = low_part(-1, activation);
  EXPECT_TRUE(fits_accumulator(at_bound, largest_low));
  EXPECT_FALSE(fits_accumulator(beyond, largest_low));
  EXPECT_TRUE(fits_accumulator(at_bound, high_part(INT32_MIN, activation)));
  EXPECT_TRUE(fits_accumulator(at_bound, high_part(INT32_MAX, activation)));
}

// Weights near and beyond the bound, and the activations that make the sums largest, or any.
RC_GTEST_PROP(AccumulatorProof, NoAccumulatorOverflowsWhereItHolds, ()) {
  const Format activation{*rc::gen::inRange(2, 33), 0};
  const int64_t bound = accumulator_bound(activation);
  const auto count = *rc::gen::inRange<size_t>(1, 20);
  const int64_t most = std::min<int64_t>(INT32_MAX, 2 * bound / static_cast<int64_t>(count) + 2);
  std::vector<int32_t> weights, values;
  for (size_t i = 0; i < count; ++i) {
    weights.push_back(static_cast<int32_t>(*rc::gen::inRange<int64_t>(-most, most + 1)));
    const int64_t edge = weights.back() < 0 ? activation.min() : activation.max();
    values.push_back(static_cast<int32_t>(
        *rc::gen::oneOf(rc::gen::just(edge), rc::gen::inRange<int64_t>(activation.min(), activation.max() + 1))));
  }
  if (!prove_accumulator("c", weights, 1, activation).holds()) return;
  int64_t low = 0, high = 0, whole = 0;
  for (size_t i = 0; i < count; ++i) {
    low += int64_t{weights[i]} * low_part(values[i], activation);
    high += int64_t{weights[i]} * high_part(values[i], activation);
    whole += int64_t{weights[i]} * values[i];
    RC_ASSERT(bits_needed(std::min(low, high), std::max(low, high)) <= kAccumulatorBits);
  }
  RC_ASSERT(low + high * (int64_t{1} << low_bits(activation)) == whole);
}

TEST(AccumulatorProof, FindsTheWorstChannelAndItsMagnitudes) {
  const std::vector<int32_t> weights{1, -2, 3, -40, 50, -60, 7, 8, 9};
  const AccumulatorProof proof = prove_accumulator("layer", weights, 3, {32, 20});
  EXPECT_EQ(proof.channel, 1);
  EXPECT_EQ(proof.weight_sum, 150);
  EXPECT_TRUE(proof.holds());
}

TEST(AccumulatorProof, RefusesANetworkAndNamesLayerAndChannel) {
  Network net = make_network(testing::small_spec());
  require_accumulators_fit(net);
  Conv& conv = net.blocks[3].conv2;  // 8 -> 8 channels: 72 weights a channel, at most 2^24 - 1 each
  for (size_t i = 5 * 72; i < 6 * 72; ++i) conv.weight[i] = static_cast<int32_t>(net.weight.min());
  EXPECT_ERROR(require_accumulators_fit(net), "layer2_2.0.conv2, output channel 5", "1207959552", "1073750016");
  EXPECT_ERROR(require_accumulators_fit(net.blocks[3], net.formats()), "layer2_2.0.conv2, output channel 5");
}

TEST(AccumulatorProof, CoversEveryConvolutionAndTheFullyConnectedLayer) {
  const auto proofs = prove_accumulators(make_network(testing::small_spec()));
  ASSERT_EQ(proofs.size(), 1 + 2 * 4 + 1u);
  EXPECT_EQ(proofs.front().layer, "conv1");
  EXPECT_EQ(proofs[1].layer, "layer1.0.conv1");
  EXPECT_EQ(proofs.back().layer, "fc");
}

}  // namespace
}  // namespace odenet::fixed
