// Random numbers that are a function of a key: the same on every machine and whatever the number of threads.
//
//   Random random({seed, epoch, image});
//   int shift = random.between(-4, 4);
//
// SplitMix64: G. L. Steele, D. Lea, C. H. Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014.
// The distributions of <random> differ between standard libraries, hence below() and between().
#pragma once

#include <cstdint>
#include <initializer_list>

namespace odenet::data {

class Random {
 public:
  explicit Random(std::initializer_list<uint64_t> key) {
    for (const uint64_t part : key) state_ = mix(state_ + kIncrement) ^ mix(part);
  }

  uint64_t next() { return mix(state_ += kIncrement); }

  // Uniform in [0, n), n >= 1; the bias is below n / 2^32.
  uint32_t below(uint32_t n) { return static_cast<uint32_t>(((next() >> 32) * n) >> 32); }

  // Uniform in (0, 1), without the ends.
  double unit() { return (static_cast<double>(next() >> 11) + 0.5) * 0x1p-53; }

  // Uniform in [low, high], both included.
  int between(int low, int high) { return low + static_cast<int>(below(static_cast<uint32_t>(high - low + 1))); }

 private:
  static constexpr uint64_t kIncrement = 0x9e3779b97f4a7c15;
  static constexpr uint64_t mix(uint64_t z) {
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  }

  uint64_t state_ = 0;
};

}  // namespace odenet::data
