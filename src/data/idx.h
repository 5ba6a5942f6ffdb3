// idx, the file format of MNIST: bytes 0, 0, type (8: unsigned byte), number of dimensions; each dimension as a
// big-endian 32-bit number; then the data, row-major. http://yann.lecun.com/exdb/mnist/
//
//   Idx images = read_idx("train-images-idx3-ubyte.gz", 3);   // dims {60000, 28, 28}
//
// Errors name the file, the offset, and what was expected and found there.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <vector>

namespace odenet::data {

struct Idx {
  std::vector<size_t> dims;
  std::vector<uint8_t> values;
};

// A file named *.gz, *.bz2 or *.xz is uncompressed on the way. `dimensions`: how many it must have.
Idx read_idx(const std::filesystem::path& path, size_t dimensions);

}  // namespace odenet::data
