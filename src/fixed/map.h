// One image's activations inside the integer network: [height, width, pitch], channels last, the pitch being the number
// of channels padded with zeros to a multiple of kernels::kLanes (fixed/conv_kernels.h).
//
//   Map map;
//   map.read(input, channels, height, width);    // from [C, H, W]
//   map.write(output);                           // to [C, H, W]
#pragma once

#include <cstdint>
#include <new>
#include <span>
#include <vector>

#include "fixed/conv_kernels.h"

namespace odenet::fixed {

// Memory that vectors of any length load without crossing cache lines.
template <typename T>
struct CacheLines {
  using value_type = T;
  static constexpr std::align_val_t kAlignment{64};
  CacheLines() = default;
  template <typename U>
  CacheLines(const CacheLines<U>&) {}
  T* allocate(size_t count) { return static_cast<T*>(::operator new(count * sizeof(T), kAlignment)); }
  void deallocate(T* p, size_t) { ::operator delete(p, kAlignment); }
  bool operator==(const CacheLines&) const { return true; }
};
template <typename T>
using AlignedVector = std::vector<T, CacheLines<T>>;

class Map {
 public:
  // Values are undefined afterwards. Keeps its memory when it gets smaller.
  void reshape(int channels, int height, int width) {
    channels_ = channels;
    height_ = height;
    width_ = width;
    if (values_.size() < size()) values_.resize(size());
  }

  int channels() const { return channels_; }
  int height() const { return height_; }
  int width() const { return width_; }
  int pitch() const { return kernels::padded(channels_); }
  int pixels() const { return height_ * width_; }
  size_t size() const { return static_cast<size_t>(pixels()) * static_cast<size_t>(pitch()); }
  int32_t* data() { return values_.data(); }
  const int32_t* data() const { return values_.data(); }
  int32_t* pixel(int row, int column) {
    return values_.data() + static_cast<size_t>(row * width_ + column) * static_cast<size_t>(pitch());
  }
  const int32_t* pixel(int row, int column) const { return const_cast<Map*>(this)->pixel(row, column); }

  // [C, H, W]
  void read(std::span<const int32_t> values, int channels, int height, int width);
  void write(std::span<int32_t> values) const;

 private:
  int channels_ = 0, height_ = 0, width_ = 0;
  AlignedVector<int32_t> values_;
};

}  // namespace odenet::fixed
