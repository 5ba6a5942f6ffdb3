#include "core/safetensors.h"

#include <algorithm>
#include <array>
#include <bit>
#include <nlohmann/json.hpp>
#include <unordered_set>

#include "core/file.h"
#include "core/names.h"

namespace odenet {

static_assert(std::endian::native == std::endian::little, "safetensors data is little-endian");

namespace {

constexpr size_t kMaxHeader = 100'000'000;  // as in the reference implementation

struct DTypeRow {
  DType dtype;
  std::string_view name;
  size_t size;
};
constexpr std::array<DTypeRow, 5> kDTypes{{{DType::U8, "U8", 1},
                                           {DType::I32, "I32", 4},
                                           {DType::I64, "I64", 8},
                                           {DType::F32, "F32", 4},
                                           {DType::F64, "F64", 8}}};

const DTypeRow& row_of(DType dtype) {
  return *std::find_if(kDTypes.begin(), kDTypes.end(), [&](const DTypeRow& r) { return r.dtype == dtype; });
}

// Number of bytes of a tensor; false if it does not fit 63 bits.
bool byte_count(const Shape& shape, size_t element, uint64_t& bytes) {
  bytes = element;
  for (const int64_t n : shape) {
    if (n < 0 || __builtin_mul_overflow(bytes, static_cast<uint64_t>(n), &bytes) || bytes >> 63) return false;
  }
  return true;
}

// nlohmann's parser keeps the last of two equal keys; a repeated tensor name is a malformation here.
nlohmann::json parse_header(const std::string& text, const std::string& source) {
  std::vector<std::unordered_set<std::string>> keys;  // of the objects that are open
  const auto callback = [&](int, nlohmann::json::parse_event_t event, nlohmann::json& parsed) {
    using Event = nlohmann::json::parse_event_t;
    if (event == Event::object_start) keys.emplace_back();
    if (event == Event::object_end) keys.pop_back();
    if (event == Event::key) {
      const auto key = parsed.get<std::string>();
      if (!keys.back().insert(key).second)
        throw Error("{}: damaged safetensors header: '{}' stands there twice", source, key);
    }
    return true;
  };
  try {
    auto header = nlohmann::json::parse(text, callback);
    if (!header.is_object()) throw Error("{}: damaged safetensors header: not a JSON object", source);
    return header;
  } catch (const nlohmann::json::exception& e) {
    throw Error("{}: damaged safetensors header: {}", source, e.what());
  }
}

}  // namespace

size_t size_of(DType dtype) { return row_of(dtype).size; }
std::string_view name_of(DType dtype) { return row_of(dtype).name; }

std::string to_string(const Shape& shape) { return fmt::format("[{}]", fmt::join(shape, ", ")); }

int64_t element_count(const Shape& shape) {
  int64_t n = 1;
  for (const int64_t d : shape) n *= d;
  return n;
}

SafeTensors SafeTensors::load(const std::filesystem::path& path) { return parse(read_file(path), path.string()); }

SafeTensors SafeTensors::parse(std::span<const std::byte> bytes, const std::string& source) {
  const auto damaged = [&](std::string_view what) { return Error("{}: damaged safetensors file: {}", source, what); };
  if (bytes.size() < 8) throw damaged(fmt::format("{} bytes, too short for a header length", bytes.size()));
  uint64_t header_size = 0;
  std::memcpy(&header_size, bytes.data(), 8);
  if (header_size > kMaxHeader)
    throw Error("{}: no safetensors file: those begin with the length of a header, at most {}, but here that is {}",
                source, kMaxHeader, header_size);
  if (header_size > bytes.size() - 8)
    throw damaged(fmt::format("header of {} bytes in a file of {}; is it truncated?", header_size, bytes.size()));
  const auto header = parse_header({reinterpret_cast<const char*>(bytes.data()) + 8, header_size}, source);
  const auto data = bytes.subspan(8 + header_size);

  SafeTensors file;
  file.source = source;
  struct Range {
    uint64_t begin, end;
    std::string name;
  };
  std::vector<Range> ranges;
  for (const auto& [name, entry] : header.items()) {
    if (!entry.is_object()) throw damaged(fmt::format("entry '{}' is not an object", name));
    if (name == "__metadata__") {
      for (const auto& [key, value] : entry.items()) {
        if (!value.is_string()) throw damaged(fmt::format("metadata '{}' is not a string", key));
        file.metadata[key] = value.get<std::string>();
      }
      continue;
    }
    Tensor tensor;
    uint64_t begin = 0, end = 0, size = 0;
    try {
      const auto type = entry.at("dtype").get<std::string>();
      const DTypeRow* row = find_named(kDTypes, type);
      if (row == nullptr) throw damaged(fmt::format("tensor '{}' has unsupported dtype {}", name, type));
      tensor.dtype = row->dtype;
      for (const auto& n : entry.at("shape")) {
        if (!n.is_number_unsigned())
          throw damaged(fmt::format("tensor '{}' has a shape that is no list of sizes", name));
        tensor.shape.push_back(n.get<int64_t>());
      }
      const auto& offsets = entry.at("data_offsets");
      if (offsets.size() != 2 || !offsets[0].is_number_unsigned() || !offsets[1].is_number_unsigned())
        throw damaged(fmt::format("tensor '{}' has data_offsets that are not two offsets", name));
      begin = offsets[0].get<uint64_t>();
      end = offsets[1].get<uint64_t>();
    } catch (const nlohmann::json::exception& e) {
      throw damaged(fmt::format("tensor '{}': {}", name, e.what()));
    }
    if (begin > end || end > data.size())
      throw damaged(fmt::format("tensor '{}' lies at bytes {} to {} of {}; is the file truncated?", name, begin, end,
                                data.size()));
    if (!byte_count(tensor.shape, size_of(tensor.dtype), size) || size != end - begin)
      throw damaged(fmt::format("tensor '{}' of shape {} and type {} in {} bytes", name, to_string(tensor.shape),
                                name_of(tensor.dtype), end - begin));
    const auto part = data.subspan(begin, end - begin);
    tensor.data.assign(part.begin(), part.end());
    ranges.push_back({begin, end, name});
    file.tensors[name] = std::move(tensor);
  }
  std::sort(ranges.begin(), ranges.end(),
            [](const Range& a, const Range& b) { return std::tie(a.begin, a.end) < std::tie(b.begin, b.end); });
  uint64_t position = 0;
  for (const Range& range : ranges) {
    if (range.begin != position)
      throw damaged(fmt::format("tensor '{}' starts at {} instead of {}: {}", range.name, range.begin, position,
                                range.begin < position ? "tensors overlap" : "there is a hole"));
    position = range.end;
  }
  if (position != data.size()) throw damaged(fmt::format("{} bytes after the last tensor", data.size() - position));
  return file;
}

std::vector<std::byte> SafeTensors::serialize() const {
  nlohmann::json header = nlohmann::json::object();
  if (!metadata.empty()) header["__metadata__"] = metadata;
  uint64_t offset = 0;
  for (const auto& [name, tensor] : tensors) {
    header[name] = {{"dtype", name_of(tensor.dtype)},
                    {"shape", tensor.shape},
                    {"data_offsets", {offset, offset + tensor.data.size()}}};
    offset += tensor.data.size();
  }
  std::string text = header.dump();
  text.resize((text.size() + 7) / 8 * 8, ' ');  // data aligned to 8 bytes
  const uint64_t size = text.size();
  std::vector<std::byte> bytes(8 + text.size() + offset);
  std::memcpy(bytes.data(), &size, 8);
  std::memcpy(bytes.data() + 8, text.data(), text.size());
  auto out = bytes.begin() + static_cast<std::ptrdiff_t>(8 + text.size());
  for (const auto& [name, tensor] : tensors) out = std::copy(tensor.data.begin(), tensor.data.end(), out);
  return bytes;
}

void SafeTensors::save(const std::filesystem::path& path) const { write_file(path, serialize()); }

const std::string& SafeTensors::meta(const std::string& key) const {
  const auto it = metadata.find(key);
  if (it == metadata.end()) throw Error("{}: metadata '{}' is missing; was the file written by odenet?", source, key);
  return it->second;
}

const Tensor& SafeTensors::expect(const std::string& name, DType dtype, const Shape& shape) const {
  const auto it = tensors.find(name);
  if (it == tensors.end()) throw Error("{}: tensor '{}' is missing; is it a file of another model?", source, name);
  const Tensor& tensor = it->second;
  if (tensor.dtype != dtype || tensor.shape != shape)
    throw Error("{}: tensor '{}' is {} {}, expected {} {}; is it a file of another model?", source, name,
                name_of(tensor.dtype), to_string(tensor.shape), name_of(dtype), to_string(shape));
  return tensor;
}

}  // namespace odenet
