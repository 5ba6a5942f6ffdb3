#include "engine/requirements.h"

#include <algorithm>
#include <bit>

#include "core/error.h"
#include "fixed/accumulator_proof.h"
#include "fixed/online_norm.h"

namespace odenet::engine {
namespace {

constexpr int kSumWidth = 32, kScaleWidth = 32, kWideOperand = 25, kNarrowOperand = 18, kLogitWidth = 32;

int lane_dsps(const fixed::Formats& formats, std::vector<fixed::AccumulatorProof> proofs) {
  const auto [narrow, wide] = std::minmax(formats.activation.width, formats.weight.width);
  const bool one = narrow <= kNarrowOperand && wide <= kWideOperand &&
                   std::ranges::all_of(proofs, [&](const fixed::AccumulatorProof& proof) {
                     return proof.weight_sum <= lane_bound(formats.activation, 1);
                   });
  if (one) return 1;
  for (fixed::AccumulatorProof& proof : proofs) {
    proof.bound = lane_bound(formats.activation, 2);
    fixed::require_accumulator_fits(proof, formats.weight_of(proof.layer));
  }
  return 2;
}

// Whether an activation as a sum leaves a bit of it that shows a saturation.
bool fits_sums(fixed::Format activation, fixed::Format sum) {
  return sum == activation || activation.width + sum.fraction - activation.fraction < sum.width;
}

}  // namespace

int lane_dsps(const fixed::Block& block, const fixed::Formats& formats) {
  return lane_dsps(formats, fixed::prove_accumulators(block, formats));
}

int lane_dsps(const fixed::Network& network) {
  return lane_dsps(network.formats(), fixed::prove_accumulators(network));
}

void require_supported(const fixed::Block& block, const fixed::Formats& formats) {
  const auto refuse = [&](const std::string& why) { throw Error("block {}: {}", block.name, why); };
  if (block.stride == 2 && (block.height % 2 != 0 || block.width % 2 != 0))
    refuse(fmt::format("its maps are {} x {}; with stride 2 the engine needs even sizes", block.height, block.width));
  if (!formats.uniform())
    refuse("its network has formats of single layers; the engine has one of activations and one of weights");
  const fixed::Format activation = formats.activation, weight = formats.weight;
  const fixed::Format sum = formats.sum_of(activation, weight);
  if (activation.width < kLeastWidth)
    refuse(fmt::format("its activations have {} bits; the engine's have at least {}", activation.width, kLeastWidth));
  if (weight.width < kLeastWidth || weight.width > kWeightWidth || formats.scale.width > kScaleWidth)
    refuse(fmt::format("its weights have {} and its scales {} bits; the engine's have {} to {} and at most {}",
                       weight.width, formats.scale.width, kLeastWidth, kWeightWidth, kScaleWidth));
  if (activation.fraction >= activation.width)
    refuse(fmt::format("its activations are {}; the engine's have a fraction below their width",
                       fixed::describe(activation)));
  if (sum.width != kSumWidth) refuse(fmt::format("its sums have {} bits; the engine's have {}", sum.width, kSumWidth));
  if (sum.fraction < activation.fraction)
    refuse(fmt::format("its activations are {}, its sums {}; the engine's sums have at least the activations' fraction",
                       fixed::describe(activation), fixed::describe(sum)));
  // What passes through the sums unscaled must fit them, with a bit to spare that shows a saturation.
  const bool unscaled = block.depthwise1 || !std::holds_alternative<fixed::Euler>(block.method);
  if (unscaled && !fits_sums(activation, sum))
    refuse(fmt::format("activations {} do not fit sums {}, as depthwise convolutions and Runge-Kutta steps need",
                       fixed::describe(activation), fixed::describe(sum)));
  if (block.norm == NormKind::kInstance && sum != activation)
    refuse(fmt::format("for instance norms the engine needs activations in the format of sums, not {} and {}",
                       fixed::describe(activation), fixed::describe(sum)));
  if (block.norm == NormKind::kInstance && (formats.scale.width != kScaleWidth || formats.weight.fraction == 0))
    refuse(fmt::format("for instance norms the engine needs scales of {} bits and a fraction of weights", kScaleWidth));
  if (std::holds_alternative<fixed::Leapfrog>(block.method))
    refuse("it is integrated by the leapfrog; the engine has Euler's and Runge-Kutta steps");
  if (std::holds_alternative<fixed::RungeKutta>(block.method) && (!block.ode || block.depthwise1))
    refuse("Runge-Kutta steps are for ODEBlocks of plain convolutions");
  const int64_t pixels = int64_t{block.out_height()} * block.out_width();
  if (block.norm == NormKind::kInstance && pixels > fixed::kMaxOnlinePixels)
    refuse(fmt::format("its maps have {} pixels; with instance norms the engine's have at most {}", pixels,
                       fixed::kMaxOnlinePixels));
}

void require_supported(const fixed::Network& network) {
  const std::string& name = network.spec.model;
  if (network.blocks.empty()) throw Error("{}: it has no blocks", name);
  for (const fixed::Block& block : network.blocks) require_supported(block, network.formats());
  const fixed::Format activation = network.activation, sum = network.sum_of(activation, network.weight);
  if (!fits_sums(activation, sum))
    throw Error("{}: activations {} do not fit sums {}, as the average of the last maps needs", name,
                fixed::describe(activation), fixed::describe(sum));
  const fixed::Block& last = network.blocks.back();
  const int pixels = last.out_height() * last.out_width();
  if (!std::has_single_bit(static_cast<unsigned>(pixels)))
    throw Error("{}: its last maps have {} x {} pixels; the engine averages 1, 2, 4, 8, ... pixels", name,
                last.out_height(), last.out_width());
  if (pixels > int64_t{1} << network.weight.fraction)
    throw Error("{}: its last maps have {} pixels; with weights of {} the engine averages at most {}", name, pixels,
                fixed::describe(network.weight), int64_t{1} << network.weight.fraction);
}

void require_lanes(const fixed::Network& network, Lanes lanes) {
  const std::string& name = network.spec.model;
  for (const fixed::Block& block : network.blocks) require_lanes(block, lanes);
  if (network.stem.channels % lanes.oc != 0)
    throw Error("{}: conv1's {} channels cannot be computed {} at a time; choose fewer multiply-accumulate lanes", name,
                network.stem.channels, lanes.oc);
  if (network.spec.width % lanes.px != 0)
    throw Error("{}: rows of {} pixels cannot be computed {} at a time; choose fewer pixel lanes", name,
                network.spec.width, lanes.px);
  if (lanes.px * network.activation.width < kLogitWidth)
    throw Error(
        "{}: {} pixels of {} bits are a map word of less than the {} bits of a logit; choose more multiply-accumulate "
        "lanes",
        name, lanes.px, network.activation.width, kLogitWidth);
}

void require_lanes(const fixed::Block& block, Lanes lanes) {
  const auto power_of_two = [](int value, int limit) {
    return value >= 1 && value <= limit && (value & (value - 1)) == 0;
  };
  if (!power_of_two(lanes.oc, kMaxChannelLanes) || !power_of_two(lanes.px, kMaxPixelLanes))
    throw Error("{} x {} multiply-accumulate lanes: an engine has 1, 2, 4, ... {} channels times 1, 2, 4 or {} pixels",
                lanes.oc, lanes.px, kMaxChannelLanes, kMaxPixelLanes);
  if (block.out_width() % lanes.px != 0)
    throw Error("block {}: rows of {} pixels cannot be computed {} at a time; choose fewer pixel lanes", block.name,
                block.out_width(), lanes.px);
  for (const fixed::ConvLayer& layer : fixed::conv_layers(block))
    if (!layer.conv.depthwise && layer.conv.channels % lanes.oc != 0)
      throw Error(
          "block {}: {} channels cannot be computed {} at a time; choose fewer multiply-accumulate lanes than "
          "{}",
          block.name, layer.conv.channels, lanes.oc, lanes.macs());
}

void require_consistent(const fixed::Block& block, const fixed::Formats& formats) {
  if (block.executions < 1 || block.channels() < 1 || block.in_channels() < 1 || block.height < 1 || block.width < 1)
    throw Error("block {}: has no executions, channels or pixels", block.name);
  fixed::check_method(block.method, block.name, block.executions);
  for (const fixed::ConvLayer& layer : fixed::conv_layers(block)) {
    const fixed::Conv& conv = layer.conv;
    const auto expect = [&](const std::string& what, int64_t found, int64_t expected) {
      if (found != expected) throw Error("{}: {} are {}, expected {}", what, layer.name, found, expected);
    };
    const int taps = conv.kernel * conv.kernel * (conv.depthwise ? 1 : conv.in_channels);
    const bool timed = block.ode && !conv.depthwise;
    const int64_t executions = layer.norm == &block.projection_norm ? 1 : block.executions;
    expect("weights", std::ssize(conv.weight), int64_t{conv.channels} * taps);
    expect("time biases", std::ssize(conv.time_bias), timed ? executions * conv.channels * conv.border_classes() : 0);
    if (layer.norm) {
      expect("scales", std::ssize(layer.norm->scale), executions * conv.channels);
      expect("shifts", std::ssize(layer.norm->shift), executions * conv.channels);
    }
    for (size_t i = 0; i < conv.weight.size(); ++i)
      if (!formats.weight.contains(conv.weight[i]))
        throw Error("{}: weight {} of channel {} does not fit {}", layer.name, conv.weight[i],
                    i / static_cast<size_t>(taps), fixed::describe(formats.weight));
  }
}

void require_consistent(const fixed::Network& network) {
  fixed::check(network);
  for (const fixed::Block& block : network.blocks) require_consistent(block, network.formats());
}

}  // namespace odenet::engine
