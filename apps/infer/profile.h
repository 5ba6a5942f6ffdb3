// Where the time of a network goes: block by block, and the rest (first convolution, pooling, classifier) together.
//
//   Profile profile(runner);                      // of what the runner computes from now on
//   runner.run(images);
//   for (const auto& [layer, ms] : profile.milliseconds(seconds, images)) ...
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "fixed/runner.h"

namespace odenet::infer {

class Profile {
 public:
  explicit Profile(fixed::Runner& runner);  // must live as long as this
  Profile(const Profile&) = delete;
  Profile& operator=(const Profile&) = delete;

  // Lets `function` compute block `index`, and times it.
  void replace_block(size_t index, fixed::Runner::BlockFunction function);

  // Of one image, if so many took so many seconds in all.
  std::vector<std::pair<std::string, double>> milliseconds(double seconds, size_t images) const;

 private:
  fixed::Runner& runner_;
  std::vector<double> seconds_;  // [blocks]
};

}  // namespace odenet::infer
