#include "fixed/trained_formats.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "core/parse_number.h"
#include "fixed/formats_text.h"

namespace odenet::fixed {

int trained_bits(const SafeTensors& checkpoint) {
  if (!checkpoint.metadata.contains(kTrainedBits)) return 0;
  const std::string& text = checkpoint.meta(kTrainedBits);
  int bits = 0;
  if (!parse_number(text, bits) || bits < 2 || bits > 32)
    throw Error("{}: {} is '{}', expected 2 to 32 bits; is the file damaged?", checkpoint.source, kTrainedBits, text);
  return bits;
}

Formats formats_for_training(int bits, const std::string& activations) {
  Formats formats = formats_from(activations, {});
  formats.sum = kWideSum;
  formats.weight.width = std::min(bits, formats.weight.width);
  formats.weight.fraction = formats.weight.width / 2;
  return formats;
}

Format fitting_format(double low, double high, int width) {
  Format format{width, Format::kMaxFraction};
  while (format.fraction > 0 && !(to_fixed(low, format) && to_fixed(high, format))) --format.fraction;
  return format;
}

double weight_sum_bound(std::span<const float> weights, Format format) {
  double sum = 0;
  for (const float w : weights) sum += std::abs(double{w}) * format.one() + 0.5;  // at most what rounding makes of it
  return sum;
}

Format weight_format(std::span<const float> weights, int64_t channels, int width, Format input) {
  const auto [low, high] = std::ranges::minmax(weights);
  Format format = fitting_format(low, high, width);
  const size_t each = weights.size() / static_cast<size_t>(channels);
  for (size_t first = 0; first < weights.size(); first += each)
    while (format.fraction > 0 &&
           weight_sum_bound(weights.subspan(first, each), format) > static_cast<double>(accumulator_bound(input)))
      --format.fraction;
  return format;
}

Formats trained_formats(const SafeTensors& checkpoint) {
  const int bits = trained_bits(checkpoint);
  if (bits == 0)
    throw Error("{}: was trained as a float network; choose formats, or train with --quantize", checkpoint.source);
  Formats formats = formats_for_training(bits, checkpoint.meta(kTrainedActivations));
  const NetworkSpec spec = parse_spec(checkpoint.meta("spec"), checkpoint.source);
  const Network skeleton = make_skeleton(spec, formats);
  const auto choose = [&](const std::string& layer, const std::string& tensor, const Shape& shape, Format input) {
    formats.weights[layer] = weight_format(checkpoint.get<float>(tensor, shape), shape[0], formats.weight.width, input);
  };
  for (const ConvLayer& layer : conv_layers(skeleton))
    choose(layer.name, layer.norm == nullptr ? layer.name : layer.name + ".weight", layer.conv.weight_shape(),
           layer.formats.input);
  choose("fc", "fc.weight", {spec.classes, spec.features()}, format_at(skeleton, "pool"));
  return formats;
}

}  // namespace odenet::fixed
