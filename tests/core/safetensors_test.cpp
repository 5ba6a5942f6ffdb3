#include "core/safetensors.h"

#include <gtest/gtest.h>

#include <bit>
#include <cstring>
#include <ctime>
#include <limits>
#include <string>
#include <vector>

#include "core/file.h"
#include "support/expect_error.h"
#include "support/temporary_folder.h"

namespace odenet {
namespace {

// A file with that header and that many bytes of data.
std::vector<std::byte> file_of(const std::string& header, size_t data_size) {
  const uint64_t size = header.size();
  std::vector<std::byte> bytes(8 + header.size() + data_size);
  std::memcpy(bytes.data(), &size, 8);
  std::memcpy(bytes.data() + 8, header.data(), header.size());
  return bytes;
}

SafeTensors parse(const std::string& header, size_t data_size) {
  return SafeTensors::parse(file_of(header, data_size), "f.safetensors");
}

TEST(SafeTensors, KeepsEveryBitOfEveryType) {
  SafeTensors file;
  const std::vector<float> f32{0.f,
                               -0.f,
                               std::numeric_limits<float>::denorm_min(),
                               std::numeric_limits<float>::infinity(),
                               std::bit_cast<float>(0x7fc12345u),
                               1.f / 3};
  const std::vector<double> f64{1.0 / 3, -std::numeric_limits<double>::infinity()};
  const std::vector<int32_t> i32{std::numeric_limits<int32_t>::min(), -1, std::numeric_limits<int32_t>::max()};
  const std::vector<int64_t> i64{std::numeric_limits<int64_t>::min(), std::numeric_limits<int64_t>::max()};
  const std::vector<uint8_t> u8{0, 127, 255};
  file.add("f32", {2, 3}, std::span(f32));
  file.add("f64", {2}, std::span(f64));
  file.add("i32", {3, 1}, std::span(i32));
  file.add("i64", {1, 2}, std::span(i64));
  file.add("u8", {3}, std::span(u8));
  file.add("empty", {0, 5}, std::span<const float>());
  file.add("scalar", {}, std::span(u8).first(1));
  file.metadata["text"] = "line\n\"quoted\" \xc3\xa4";

  const testing::TemporaryFolder folder;
  file.save(folder / "a.safetensors");
  const SafeTensors read = SafeTensors::load(folder / "a.safetensors");
  EXPECT_EQ(read.metadata, file.metadata);
  ASSERT_EQ(read.tensors.size(), file.tensors.size());
  for (const auto& [name, tensor] : file.tensors) {
    EXPECT_EQ(read.tensors.at(name).dtype, tensor.dtype) << name;
    EXPECT_EQ(read.tensors.at(name).shape, tensor.shape) << name;
    EXPECT_EQ(read.tensors.at(name).data, tensor.data) << name;
  }
  EXPECT_EQ(read.get<int32_t>("i32", {3, 1}), i32);
  EXPECT_EQ(read.get<float>("empty", {0, 5}), std::vector<float>());
  EXPECT_EQ(read.serialize(), file.serialize());
}

TEST(SafeTensors, LayoutIsThatOfTheFormat) {
  SafeTensors file;
  file.add("x", {1}, std::span<const int32_t>(std::vector<int32_t>{0x01020304}));
  const auto bytes = file.serialize();
  uint64_t header_size = 0;
  std::memcpy(&header_size, bytes.data(), 8);
  EXPECT_EQ(header_size % 8, 0u);
  ASSERT_EQ(bytes.size(), 8 + header_size + 4);
  EXPECT_EQ(bytes[8], std::byte{'{'});
  EXPECT_EQ(bytes[8 + header_size], std::byte{4});  // little-endian
  EXPECT_EQ(bytes.back(), std::byte{1});
}

TEST(SafeTensors, ReadsWhatOthersMayWrite) {
  // Tensors in any order, keys in any order, spaces around the header.
  const SafeTensors file = parse(
      R"( {"b":{"data_offsets":[4,6],"shape":[2],"dtype":"U8"},"a":{"dtype":"I32","shape":[],"data_offsets":[0,4]}}  )",
      6);
  EXPECT_EQ(file.get<int32_t>("a", {}).size(), 1u);
  EXPECT_EQ(file.get<uint8_t>("b", {2}).size(), 2u);
  EXPECT_TRUE(parse("{}", 0).tensors.empty());
}

TEST(SafeTensors, WrongUseIsAnError) {
  SafeTensors file;
  file.source = "f.safetensors";
  const std::vector<float> values(6);
  EXPECT_ERROR(file.add("x", {7}, std::span(values)), "x", "6 values", "[7]");
  file.add("x", {2, 3}, std::span(values));
  EXPECT_ERROR(file.get<float>("y", {2, 3}), "f.safetensors", "'y' is missing", "another model");
  EXPECT_ERROR(file.get<float>("x", {3, 2}), "f.safetensors", "F32 [2, 3]", "expected F32 [3, 2]");
  EXPECT_ERROR(file.get<int32_t>("x", {2, 3}), "F32 [2, 3]", "expected I32 [2, 3]");
  EXPECT_ERROR(file.meta("spec"), "f.safetensors", "'spec' is missing");
}

TEST(SafeTensors, MissingFileIsAnError) {
  EXPECT_ERROR(SafeTensors::load("/nowhere/a.safetensors"), "/nowhere/a.safetensors", "No such file");
}

TEST(SafeTensors, TimeGrowsWithTheHeaderNotItsSquare) {
  std::string header = R"({"__metadata__":{)";
  for (int i = 0; i < 200'000; ++i) header += fmt::format(R"("{}":"",)", i);
  header.back() = '}';
  const std::clock_t start = std::clock();
  EXPECT_EQ(parse(header + "}", 0).metadata.size(), 200'000u);
  EXPECT_LT((std::clock() - start) / CLOCKS_PER_SEC, 10);  // seconds of this process
}

TEST(SafeTensors, EveryTruncationIsAnError) {
  SafeTensors file;
  file.add("x", {3}, std::span<const float>(std::vector<float>{1, 2, 3}));
  file.metadata["a"] = "b";
  const auto bytes = file.serialize();
  for (size_t size = 0; size < bytes.size(); ++size)
    EXPECT_ERROR(SafeTensors::parse(std::span(bytes).first(size), "f.safetensors"), "f.safetensors", "damaged");
}

struct Malformation {
  const char* name;
  std::string header;
  size_t data_size;
  const char* message;
};

void PrintTo(const Malformation& malformation, std::ostream* out) { *out << malformation.name; }

class MalformedSafeTensors : public ::testing::TestWithParam<Malformation> {};

TEST_P(MalformedSafeTensors, IsAnErrorNamingFileAndReason) {
  EXPECT_ERROR(parse(GetParam().header, GetParam().data_size), "f.safetensors", "damaged", GetParam().message);
}

const Malformation kMalformations[] = {
    {"HeaderIsNoJson", "{\"x\":", 0, "header"},
    {"HeaderIsAList", "[]", 0, "not a JSON object"},
    {"HeaderIsEmpty", "", 0, "header"},
    {"HeaderHasTwoValues", "{} {}", 0, "header"},
    {"TensorTwice",
     R"({"x":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"x":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}})", 1,
     "'x' stands there twice"},
    {"EntryIsNoObject", R"({"x":1})", 0, "'x' is not an object"},
    {"MetadataIsNoObject", R"({"__metadata__":"a"})", 0, "'__metadata__' is not an object"},
    {"MetadataIsNoText", R"({"__metadata__":{"a":1}})", 0, "metadata 'a' is not a string"},
    {"NoDType", R"({"x":{"shape":[1],"data_offsets":[0,1]}})", 1, "'x'"},
    {"DTypeIsNoText", R"({"x":{"dtype":8,"shape":[1],"data_offsets":[0,1]}})", 1, "'x'"},
    {"UnknownDType", R"({"x":{"dtype":"Q20","shape":[1],"data_offsets":[0,1]}})", 1, "unsupported dtype Q20"},
    {"NoShape", R"({"x":{"dtype":"U8","data_offsets":[0,1]}})", 1, "'x'"},
    {"ShapeIsNegative", R"({"x":{"dtype":"U8","shape":[-1],"data_offsets":[0,1]}})", 1, "shape"},
    {"ShapeIsFraction", R"({"x":{"dtype":"U8","shape":[1.0],"data_offsets":[0,1]}})", 1, "shape"},
    {"ShapeIsText", R"({"x":{"dtype":"U8","shape":["1"],"data_offsets":[0,1]}})", 1, "shape"},
    {"ShapeIsAbove63Bits", R"({"x":{"dtype":"U8","shape":[18446744073709551615],"data_offsets":[0,1]}})", 1, "'x'"},
    {"ShapeOverflows", R"({"x":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,0]}})", 0, "'x'"},
    {"ShapeOverflowsWithTheType", R"({"x":{"dtype":"F64","shape":[2305843009213693952],"data_offsets":[0,0]}})", 0,
     "'x'"},
    {"NoOffsets", R"({"x":{"dtype":"U8","shape":[1]}})", 1, "'x'"},
    {"OneOffset", R"({"x":{"dtype":"U8","shape":[1],"data_offsets":[0]}})", 1, "offsets"},
    {"ThreeOffsets", R"({"x":{"dtype":"U8","shape":[1],"data_offsets":[0,1,2]}})", 1, "offsets"},
    {"OffsetIsNegative", R"({"x":{"dtype":"U8","shape":[1],"data_offsets":[-1,0]}})", 1, "offsets"},
    {"OffsetsAreNoList", R"({"x":{"dtype":"U8","shape":[1],"data_offsets":"0,1"}})", 1, "'x'"},
    {"EndsBeforeItBegins", R"({"x":{"dtype":"U8","shape":[1],"data_offsets":[1,0]}})", 1, "bytes 1 to 0"},
    {"EndsBehindTheFile", R"({"x":{"dtype":"U8","shape":[3],"data_offsets":[0,3]}})", 2, "bytes 0 to 3 of 2"},
    {"TooFewBytesForTheShape", R"({"x":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}})", 4, "[2]"},
    {"TooManyBytesForTheShape", R"({"x":{"dtype":"F32","shape":[2],"data_offsets":[0,12]}})", 12, "[2]"},
    {"HoleAtTheStart", R"({"x":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}})", 2, "hole"},
    {"HoleBetween",
     R"({"x":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"y":{"dtype":"U8","shape":[1],"data_offsets":[2,3]}})", 3,
     "hole"},
    {"Overlap",
     R"({"x":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"y":{"dtype":"U8","shape":[2],"data_offsets":[1,3]}})", 3,
     "overlap"},
    {"BytesAtTheEnd", R"({"x":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}})", 3, "2 bytes after the last tensor"},
};

INSTANTIATE_TEST_SUITE_P(All, MalformedSafeTensors, ::testing::ValuesIn(kMalformations),
                         [](const auto& test) { return std::string(test.param.name); });

TEST(SafeTensors, AbsurdHeaderLengthIsAnError) {
  for (const uint64_t size : {uint64_t{100}, uint64_t{100'000'001}, std::numeric_limits<uint64_t>::max()}) {
    auto bytes = file_of("{}", 0);
    std::memcpy(bytes.data(), &size, 8);
    EXPECT_ERROR(SafeTensors::parse(bytes, "f.safetensors"), "f.safetensors", "header", std::to_string(size));
  }
}

TEST(SafeTensors, DeepNestingIsAnErrorNotACrash) {
  EXPECT_ERROR(parse(std::string(1'000'000, '['), 0), "f.safetensors", "damaged");
}

}  // namespace
}  // namespace odenet
