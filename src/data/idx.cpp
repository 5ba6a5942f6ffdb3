#include "data/idx.h"

#include "core/error.h"
#include "core/file.h"
#include "data/archive.h"

namespace odenet::data {

namespace {

constexpr uint64_t kLargest = uint64_t{1} << 31;  // bytes; MNIST's largest file has 47 million
constexpr uint8_t kUnsignedByte = 8;

bool is_compressed(const std::filesystem::path& path) {
  const auto extension = path.extension();
  return extension == ".gz" || extension == ".bz2" || extension == ".xz";
}

}  // namespace

Idx read_idx(const std::filesystem::path& path, size_t dimensions) {
  const std::vector<std::byte> bytes = is_compressed(path) ? read_compressed(path, kLargest) : read_file(path);
  const auto* const data = reinterpret_cast<const uint8_t*>(bytes.data());
  const size_t header = 4 + 4 * dimensions;
  if (bytes.size() < header)
    throw Error("{}: {} bytes, expected a header of {}; is it truncated?", path.string(), bytes.size(), header);
  if (data[0] != 0 || data[1] != 0 || data[2] != kUnsignedByte)
    throw Error("{}: bytes {:02x} {:02x} {:02x} at byte 0, expected 00 00 08 (idx file of unsigned bytes)",
                path.string(), data[0], data[1], data[2]);
  if (data[3] != dimensions)
    throw Error("{}: {} dimensions at byte 3, expected {}; are images and labels mixed up?", path.string(), data[3],
                dimensions);
  Idx idx;
  uint64_t product = 1;
  for (size_t i = 0; i < dimensions; ++i) {
    const uint8_t* const p = data + 4 + 4 * i;
    const uint64_t dim = uint64_t{p[0]} << 24 | uint64_t{p[1]} << 16 | uint64_t{p[2]} << 8 | p[3];
    product *= dim;  // no overflow: both factors are below 2^32
    if (dim == 0 || product > kLargest)
      throw Error("{}: dimension {} at byte {} is {}, which makes {} bytes in all; expected 1 to {}", path.string(), i,
                  4 + 4 * i, dim, product, kLargest);
    idx.dims.push_back(dim);
  }
  if (bytes.size() - header != product)
    throw Error("{}: {} bytes after the header, expected {} as it says; is it {}?", path.string(),
                bytes.size() - header, product, bytes.size() - header < product ? "truncated" : "another file");
  idx.values.assign(data + header, data + bytes.size());
  return idx;
}

}  // namespace odenet::data
