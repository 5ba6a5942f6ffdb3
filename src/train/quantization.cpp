#include "train/quantization.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/error.h"
#include "fixed/calibration.h"
#include "fixed/formats_text.h"
#include "fixed/quantizer.h"
#include "fixed/trained_formats.h"
#include "spec/skip_removal.h"
#include "train/plan.h"
#include "train/run_folder.h"

namespace odenet::train {

namespace {

constexpr size_t kImages = 200;

std::string half_fraction(int64_t bits) { return fixed::to_text({static_cast<int>(bits), static_cast<int>(bits / 2)}); }

// What the two networks differ in: "end_time 2, expected 1".
std::string difference(const NetworkSpec& found, const NetworkSpec& expected) {
  std::string text;
  const auto compare = [&](std::string_view what, const auto& a, const auto& b) {
    if (a != b) text += fmt::format("{}{} {}, expected {}", text.empty() ? "" : "; ", what, a, b);
  };
  const auto norm = [](const NetworkSpec& spec) {
    return std::ranges::find(norm_kinds(), spec.stages.front().norm, &NormName::value)->name;
  };
  const auto field = [](const NetworkSpec& spec) {
    const auto stage = std::ranges::find_if(spec.stages, &Stage::ode);
    return stage == spec.stages.end() ? Stage() : *stage;
  };
  compare("model", found.model, expected.model);
  compare("classes", found.classes, expected.classes);
  if (text.empty()) {
    const Stage a = field(found), b = field(expected);
    compare("skips", skip_letters(found), skip_letters(expected));
    compare("norm", norm(found), norm(expected));
    compare("end_time", found.end_time, expected.end_time);
    compare("solver", a.solver, b.solver);
    compare("controller", a.steps.controller, b.steps.controller);
    compare("steps", steps(a), steps(b));
  }
  return text.empty() ? "other layers" : text;
}

}  // namespace

std::string choose_activations(const TrainConfig& config) {
  if (config.quantize == 0 || !config.activations.empty()) return config.activations;
  const SafeTensors checkpoint = SafeTensors::load(find_checkpoint(config.weights));
  const NetworkSpec spec = network_spec(config);
  const NetworkSpec found = parse_spec(checkpoint.meta("spec"), checkpoint.source);
  if (found != spec)
    throw Error("{}: is another network than the one that is trained, which quantize goes on with: {}",
                checkpoint.source, difference(found, spec));
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
