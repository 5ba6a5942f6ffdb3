// What odenet-infer classifies: PNG files, and files of records in the format of CIFAR.
//
//   Images images(3, 32, 32, /*limit=*/100);
//   images.read("cat.png");
//   images.read("test_batch.bin");          // 1 label byte a record, or 2 as in CIFAR-100: the coarse and the fine one
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace odenet::infer {

class Images {
 public:
  // limit: keeps the first so many images, and reads no more; 0: all. coarse: the first of two labels counts.
  Images(int channels, int height, int width, size_t limit = 0, bool coarse = false)
      : channels_(channels), height_(height), width_(width), limit_(limit), coarse_(coarse) {}

  // Appends what the file holds. Throws Error if it has another size, is damaged or of an unknown kind.
  void read(const std::filesystem::path& path);

  size_t size() const { return names_.size(); }
  size_t image_size() const {
    return static_cast<size_t>(channels_) * static_cast<size_t>(height_) * static_cast<size_t>(width_);
  }
  std::span<const uint8_t> pixels() const { return pixels_; }  // [N, C, H, W]
  const std::string& name(size_t index) const { return names_[index]; }
  std::optional<int> label(size_t index) const { return labels_[index]; }

 private:
  void read_png(const std::filesystem::path& path);
  void read_records(const std::filesystem::path& path);

  size_t room() const { return limit_ == 0 ? SIZE_MAX : limit_ - size(); }

  int channels_, height_, width_;
  size_t limit_;
  bool coarse_;
  std::vector<uint8_t> pixels_;
  std::vector<std::string> names_;
  std::vector<std::optional<int>> labels_;
};

}  // namespace odenet::infer
