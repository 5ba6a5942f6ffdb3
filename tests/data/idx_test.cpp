#include "data/idx.h"

#include <gtest/gtest.h>

#include <string>

#include "core/file.h"
#include "support/archives.h"
#include "support/expect_error.h"
#include "support/temporary_folder.h"

namespace odenet::data {
namespace {

using namespace std::string_literals;

class IdxFile : public ::testing::Test {
 protected:
  std::filesystem::path write(const std::string& bytes) {
    write_file(folder_ / "f", bytes);
    return folder_ / "f";
  }

  testing::TemporaryFolder folder_;
};

const std::string kHeader = "\0\0\x08\x02\0\0\0\x02\0\0\0\x03"s;  // [2, 3]

TEST_F(IdxFile, ReadsDimensionsAndValues) {
  const Idx idx = read_idx(write(kHeader + "abcdef"), 2);
  EXPECT_EQ(idx.dims, (std::vector<size_t>{2, 3}));
  EXPECT_EQ(std::string(idx.values.begin(), idx.values.end()), "abcdef");
}

TEST_F(IdxFile, ReadsCompressedFiles) {
  testing::write_compressed(folder_ / "f.gz", kHeader + "abcdef");
  EXPECT_EQ(read_idx(folder_ / "f.gz", 2).values.size(), 6u);
}

TEST_F(IdxFile, EachMalformationIsAnError) {
  EXPECT_ERROR(read_idx(folder_ / "none", 2), "none", "No such file");
  EXPECT_ERROR(read_idx(write(""), 2), "0 bytes", "header of 12");
  EXPECT_ERROR(read_idx(write(kHeader.substr(0, 11)), 2), "11 bytes", "header of 12");
  EXPECT_ERROR(read_idx(write("<html>not found"), 2), "3c 68 74", "byte 0", "00 00 08");
  EXPECT_ERROR(read_idx(write("\0\0\x0d\x02"s + kHeader), 2), "00 00 0d", "00 00 08");  // floats
  EXPECT_ERROR(read_idx(write(kHeader + "abcdef"), 1), "2 dimensions at byte 3", "expected 1", "mixed up");
  EXPECT_ERROR(read_idx(write(kHeader + "abcde"), 2), "5 bytes after the header", "expected 6", "truncated");
  EXPECT_ERROR(read_idx(write(kHeader + "abcdefg"), 2), "7 bytes after the header", "expected 6", "another file");
  EXPECT_ERROR(read_idx(write("\0\0\x08\x02\0\0\0\0\0\0\0\x03"s), 2), "dimension 0 at byte 4 is 0");
  EXPECT_ERROR(read_idx(write("\0\0\x08\x02\0\0\0\x02\xff\xff\xff\xff"s), 2), "dimension 1 at byte 8 is 4294967295");
  EXPECT_ERROR(read_idx(write("\0\0\x08\x03\x7f\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"s), 3), "byte 8");
}

}  // namespace
}  // namespace odenet::data
