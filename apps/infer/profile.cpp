#include "profile.h"

#include <chrono>
#include <numeric>

namespace odenet::infer {

Profile::Profile(fixed::Runner& runner) : runner_(runner), seconds_(runner.network().blocks.size()) {
  for (size_t i = 0; i < seconds_.size(); ++i)
    replace_block(i, [&block = runner.block(i)](std::span<const int32_t> input) { return block.run(input); });
}

void Profile::replace_block(size_t index, fixed::Runner::BlockFunction function) {
  runner_.replace_block(index, [this, index, function = std::move(function)](std::span<const int32_t> input) {
    const auto start = std::chrono::steady_clock::now();
    auto output = function(input);
    seconds_[index] += std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    return output;
  });
}

std::vector<std::pair<std::string, double>> Profile::milliseconds(double seconds, size_t images) const {
  const double per_image = 1000 / static_cast<double>(images);
  std::vector<std::pair<std::string, double>> layers;
  for (size_t i = 0; i < seconds_.size(); ++i)
    layers.emplace_back(runner_.network().blocks[i].name, seconds_[i] * per_image);
  const double rest = seconds - std::accumulate(seconds_.begin(), seconds_.end(), 0.0);
  layers.emplace_back("conv1, pool, fc", rest * per_image);
  return layers;
}

}  // namespace odenet::infer
