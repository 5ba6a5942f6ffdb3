// The safetensors file format: 8-byte little-endian header length, JSON header, raw little-endian data without holes.
// https://github.com/huggingface/safetensors
//
//   SafeTensors file;
//   file.metadata["format"] = "odenet-checkpoint";
//   file.add("fc.bias", {10}, std::span<const float>(bias));
//   file.save("last.safetensors");
//   std::vector<float> b = SafeTensors::load("last.safetensors").get<float>("fc.bias", {10});
//
// load() checks every length and offset before it is used; each malformation is an Error naming the file and what was
// found. Values are bit patterns: what was saved is what is loaded.
#pragma once

#include <cstdint>
#include <cstring>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "core/error.h"

namespace odenet {

enum class DType { U8, I32, I64, F32, F64 };

template <typename T>
constexpr DType dtype_of();
template <>
constexpr DType dtype_of<uint8_t>() {
  return DType::U8;
}
template <>
constexpr DType dtype_of<int32_t>() {
  return DType::I32;
}
template <>
constexpr DType dtype_of<int64_t>() {
  return DType::I64;
}
template <>
constexpr DType dtype_of<float>() {
  return DType::F32;
}
template <>
constexpr DType dtype_of<double>() {
  return DType::F64;
}

size_t size_of(DType dtype);
std::string_view name_of(DType dtype);  // "F32"

using Shape = std::vector<int64_t>;
std::string to_string(const Shape& shape);  // "[64, 64, 3, 3]"
int64_t element_count(const Shape& shape);

struct Tensor {
  DType dtype = DType::F32;
  Shape shape;
  std::vector<std::byte> data;  // row-major; element_count(shape) * size_of(dtype) bytes
};

class SafeTensors {
 public:
  std::map<std::string, std::string> metadata;
  std::map<std::string, Tensor> tensors;

  static SafeTensors load(const std::filesystem::path& path);
  static SafeTensors parse(std::span<const std::byte> bytes, const std::string& source);
  void save(const std::filesystem::path& path) const;  // atomic
  std::vector<std::byte> serialize() const;

  template <typename T>
  void add(const std::string& name, Shape shape, std::span<const T> values) {
    if (element_count(shape) != static_cast<int64_t>(values.size()))
      throw Error("tensor {}: {} values for shape {}", name, values.size(), to_string(shape));
    Tensor tensor{dtype_of<T>(), std::move(shape), std::vector<std::byte>(values.size_bytes())};
    if (!values.empty()) std::memcpy(tensor.data.data(), values.data(), values.size_bytes());
    tensors[name] = std::move(tensor);
  }

  // The values of tensor `name`; an Error if it is missing or has another type or shape.
  template <typename T>
  std::vector<T> get(const std::string& name, const Shape& shape) const {
    const Tensor& tensor = expect(name, dtype_of<T>(), shape);
    std::vector<T> values(tensor.data.size() / sizeof(T));
    if (!values.empty()) std::memcpy(values.data(), tensor.data.data(), tensor.data.size());
    return values;
  }

  // metadata[key]; an Error if it is missing.
  const std::string& meta(const std::string& key) const;

  std::string source;  // the file it came from, for messages

 private:
  const Tensor& expect(const std::string& name, DType dtype, const Shape& shape) const;
};

}  // namespace odenet
