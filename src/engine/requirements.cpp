#include "engine/requirements.h"

#include <algorithm>

#include "core/error.h"
#include "fixed/accumulator_proof.h"
#include "fixed/online_norm.h"

namespace odenet::engine {
namespace {

constexpr int kSumWidth = 32, kScaleWidth = 32, kWideOperand = 25, kNarrowOperand = 18;

}  // namespace

bool one_dsp_suffices(const fixed::Block& block, const fixed::Formats& formats) {
  const auto [narrow, wide] = std::minmax(formats.activation.width, formats.weight.width);
  if (narrow > kNarrowOperand || wide > kWideOperand) return false;
  const auto proofs = fixed::prove_accumulators(block, formats);
  return std::all_of(proofs.begin(), proofs.end(), [&](const fixed::AccumulatorProof& proof) {
    return proof.weight_sum <= one_dsp_bound(formats.activation);
  });
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
  if (sum.width != kSumWidth) refuse(fmt::format("its sums have {} bits; the engine's have {}", sum.width, kSumWidth));
  if (sum.fraction < activation.fraction)
    refuse(fmt::format("its activations are {}, its sums {}; the engine's sums have at least the activations' fraction",
                       fixed::describe(activation), fixed::describe(sum)));
  // What passes through the sums unscaled must fit them, with a bit to spare that shows a saturation.
  const bool same = sum == activation,
             unscaled = block.depthwise1 || !std::holds_alternative<fixed::Euler>(block.method);
  if (unscaled && !same && activation.width + sum.fraction - activation.fraction >= kSumWidth)
    refuse(fmt::format("activations {} do not fit sums {}, as depthwise convolutions and Runge-Kutta steps need",
                       fixed::describe(activation), fixed::describe(sum)));
  if (block.norm == NormKind::kInstance && !same)
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

}  // namespace odenet::engine
