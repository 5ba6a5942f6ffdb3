#include "train/quantization.h"

#include <fmt/format.h>

#include "core/error.h"
#include "fixed/calibration.h"
#include "fixed/formats_text.h"
#include "fixed/quantizer.h"
#include "fixed/trained_formats.h"
#include "train/plan.h"
#include "train/run_folder.h"

namespace odenet::train {

namespace {

constexpr size_t kImages = 200;

std::string half_fraction(int64_t bits) { return fixed::to_text({static_cast<int>(bits), static_cast<int>(bits / 2)}); }

}  // namespace

std::string choose_activations(const TrainConfig& config) {
  if (config.quantize == 0 || !config.activations.empty()) return config.activations;
  const SafeTensors checkpoint = SafeTensors::load(find_checkpoint(config.weights));
  const NetworkSpec spec = network_spec(config);
  const NetworkSpec found = parse_spec(checkpoint.meta("spec"), checkpoint.source);
  if (found != spec)
    throw Error("{}: holds {} for {} classes, expected the network that is trained, {} for {}", checkpoint.source,
                found.model, found.classes, spec.model, spec.classes);
  fixed::Calibration calibration(fixed::quantize(checkpoint), static_cast<int>(config.threads));
  data::Dataset images = load_split(config, "train");
  images.truncate(kImages);
  calibration.run(images.images);
  std::string text = half_fraction(config.quantize);
  for (const auto& [name, format] : calibration.formats(static_cast<int>(config.quantize)).activations)
    text += fmt::format(",{}={}", name, fixed::to_text(format));
  return text;
}

std::optional<nn::Quantization> quantization_of(const TrainConfig& config) {
  if (config.quantize == 0) return {};
  const int bits = static_cast<int>(config.quantize);
  return nn::Quantization{bits,
                          fixed::formats_for_training(
                              bits, config.activations.empty() ? half_fraction(config.quantize) : config.activations)};
}

}  // namespace odenet::train
