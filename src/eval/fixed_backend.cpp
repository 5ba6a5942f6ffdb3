#include "eval/fixed_backend.h"

namespace odenet::eval {

namespace {

std::vector<float> to_real(std::span<const int32_t> values, fixed::Format format) {
  std::vector<float> result;
  result.reserve(values.size());
  for (const int32_t value : values) result.push_back(static_cast<float>(format.to_real(value)));
  return result;
}

}  // namespace

FixedBackend::FixedBackend(fixed::Network network, int threads) : runner_(std::move(network), threads) {}

std::vector<float> FixedBackend::logits(std::span<const uint8_t> images, const Tap& tap) {
  const fixed::Network& net = runner_.network();
  fixed::Tap converted;
  if (tap)
    converted = [&](std::string_view point, std::span<const int32_t> values) {
      tap(point, to_real(values, format_at(net, point)));
    };
  return to_real(runner_.run(images, converted), format_at(net, "fc"));
}

std::vector<std::pair<std::string, double>> FixedBackend::counts() const {
  return {{"saturations", static_cast<double>(runner_.total_saturations())}};
}

}  // namespace odenet::eval
