#include "images.h"

#include <algorithm>

#include "core/error.h"
#include "core/file.h"

#ifdef ODENET_PNG
#include <png.h>
#endif

namespace odenet::infer {

namespace fs = std::filesystem;

void Images::read(const fs::path& path) {
  if (room() == 0) return;
  if (path.extension() == ".png") return read_png(path);
  if (path.extension() == ".bin") return read_records(path);
  throw Error("{}: expected a picture, .png, or a file of CIFAR's records, .bin", path.string());
}

void Images::read_records(const fs::path& path) {
  std::error_code code;
  const uintmax_t size = fs::is_regular_file(path, code) ? fs::file_size(path, code) : 0;
  size_t labels = 1;
  while (labels <= 2 && size % (labels + image_size()) != 0) ++labels;
  const size_t record = labels + image_size(), count = std::min(static_cast<size_t>(size / record), room());
  const std::vector<std::byte> bytes = read_file(path, count * record);
  if (labels > 2 || size == 0)
    throw Error("{}: {} bytes, expected a multiple of {} or {}: one or two label bytes and {} x {} x {} pixels",
                path.string(), size, image_size() + 1, image_size() + 2, channels_, height_, width_);
  const auto* at = reinterpret_cast<const uint8_t*>(bytes.data());
  for (size_t i = 0; i < count; ++i, at += record) {
    names_.push_back(fmt::format("{}[{}]", path.string(), i));
    labels_.push_back(at[coarse_ ? 0 : labels - 1]);
    pixels_.insert(pixels_.end(), at + labels, at + labels + image_size());
  }
}

#ifdef ODENET_PNG
void Images::read_png(const fs::path& path) {
  const std::vector<std::byte> bytes = read_file(path);
  png_image image{};
  image.version = PNG_IMAGE_VERSION;
  if (!png_image_begin_read_from_memory(&image, bytes.data(), bytes.size()))
    throw Error("{}: not a PNG picture: {}", path.string(), image.message);
  image.format = PNG_FORMAT_RGB;
  if (channels_ != 3 || static_cast<int>(image.width) != width_ || static_cast<int>(image.height) != height_) {
    png_image_free(&image);
    throw Error("{}: {} x {} pixels in 3 channels, expected {} x {} in {}", path.string(), image.width, image.height,
                width_, height_, channels_);
  }
  std::vector<uint8_t> rgb(image_size());
  if (!png_image_finish_read(&image, nullptr, rgb.data(), 0, nullptr))
    throw Error("{}: damaged PNG picture: {}", path.string(), image.message);
  for (size_t channel = 0; channel < 3; ++channel)
    for (size_t i = channel; i < rgb.size(); i += 3) pixels_.push_back(rgb[i]);
  names_.push_back(path.string());
  labels_.push_back({});
}
#else
void Images::read_png(const fs::path& path) {
  throw Error("{}: this odenet-infer was built without libpng; give a file of CIFAR's records, .bin", path.string());
}
#endif

}  // namespace odenet::infer
