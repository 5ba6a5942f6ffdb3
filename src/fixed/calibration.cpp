#include "fixed/calibration.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "fixed/trained_formats.h"

namespace odenet::fixed {

namespace {

constexpr size_t kSampleSize = 20000;
constexpr size_t kBatch = 16;         // images whose maps are in memory at once
constexpr double kNegligible = 1e-6;  // share of the energy: 60 dB
constexpr double kRoom = 1.5;         // times the largest value seen

double squared_error(const std::vector<float>& values, Format format) {
  const double one = format.one(), low = static_cast<double>(format.min()), high = static_cast<double>(format.max());
  double sum = 0;
  for (const float value : values) {
    const double error = std::clamp(std::floor(value * one + 0.5), low, high) / one - value;
    sum += error * error;
  }
  return sum;
}

}  // namespace

void ValueSample::add(double value) {
  low_ = std::min(low_, value);
  high_ = std::max(high_, value);
  ++seen_;  // each value is kept with the same probability: Vitter's algorithm R
  if (values_.size() < kSampleSize) {
    values_.push_back(static_cast<float>(value));
    return;
  }
  const uint64_t at = random_() % static_cast<uint64_t>(seen_);
  if (at < kSampleSize) values_[at] = static_cast<float>(value);
}

int ValueSample::best_fraction(int width, bool must_fit) const {
  if (must_fit) return fitting_format(low_, high_, width).fraction;
  const auto fit = [&](double times, Format format) {
    return to_fixed(times * low_, format) && to_fixed(times * high_, format);
  };
  int best = 0;
  double least = 0;
  for (int fraction = Format::kMaxFraction; fraction >= 0; --fraction) {
    const Format format{width, fraction};
    const bool fits = fit(1, format);
    // The extremes count once more, or fine formats would saturate what the sample missed.
    const double error =
        squared_error(values_, format) + squared_error({static_cast<float>(low_), static_cast<float>(high_)}, format);
    if (fraction == Format::kMaxFraction || error < least) {
      best = fraction;
      least = error;
    }
    if (fits) break;  // less fraction can only be worse
  }
  double energy = 0;
  for (const float value : values_) energy += double{value} * value;
  while (best > 0 && !fit(kRoom, {width, best}) && squared_error(values_, {width, best - 1}) <= kNegligible * energy)
    --best;
  return best;
}

Calibration::Calibration(Network network, int threads) : runner_(std::move(network), threads) {
  const Network& net = runner_.network();
  const Format input = net.activation_of("input");
  for (const int32_t value : net.input_table) activations_["input"].add(input.to_real(value));
}

void Calibration::run(std::span<const uint8_t> images) {
  const NetworkSpec& spec = runner_.network().spec;
  const size_t batch = kBatch * static_cast<size_t>(spec.in_channels * spec.height * spec.width);
  for (size_t first = 0; first < images.size(); first += batch) {
    const auto part = images.subspan(first, std::min(batch, images.size() - first));
    const auto add = [&](std::string_view point, std::span<const int32_t> values) {
      if (point == "pool" || point == "fc") return;  // have the formats of the last block and of sums
      const Format format = format_at(runner_.network(), point);
      ValueSample& sample = activations_[format_name(point)];
      for (const int32_t value : values) sample.add(format.to_real(value));
    };
    runner_.run(part, add, Shown::kEverything);
  }
  ran_ = ran_ || !images.empty();
}

Formats Calibration::formats(int bits) const {
  if (!ran_) throw Error("no images to choose formats from");
  if (bits < 2 || bits > 32) throw Error("{} bits, expected 2 to 32", bits);
  Formats formats;
  const int weight_bits = std::min(bits, formats.weight.width);
  formats.sum = kWideSum;
  formats.activation = {bits, bits / 2};  // every point and layer has its own
  formats.weight = {weight_bits, weight_bits / 2};
  for (const auto& [name, sample] : activations_)
    formats.activations[name] = {bits, sample.best_fraction(bits, /*must_fit=*/name == "input")};
  const Network& net = runner_.network();
  const auto choose = [&](const std::string& layer, const std::vector<int32_t>& values, int64_t channels) {
    std::vector<float> weights;
    for (const int32_t value : values) weights.push_back(static_cast<float>(net.weight_of(layer).to_real(value)));
    formats.weights[layer] = weight_format(weights, channels, weight_bits, formats.activation);
  };
  for (const ConvLayer& layer : conv_layers(net)) choose(layer.name, layer.conv.weight, layer.conv.channels);
  choose("fc", net.fc_weight, net.spec.classes);
  return formats;
}

}  // namespace odenet::fixed
