#include "data/checksum.h"

#include <gtest/gtest.h>

#include "core/file.h"
#include "support/expect_error.h"
#include "support/temporary_folder.h"

namespace odenet::data {
namespace {

TEST(Md5, OfTheExamplesOfRfc1321) {
  const testing::TemporaryFolder folder;
  write_file(folder / "f", "");
  EXPECT_EQ(md5_of(folder / "f"), "d41d8cd98f00b204e9800998ecf8427e");
  write_file(folder / "f", "message digest");
  EXPECT_EQ(md5_of(folder / "f"), "f96b697d7cb7938d525a2f31aaf161d0");
}

TEST(Md5, OfSeveralBlocks) {
  const testing::TemporaryFolder folder;
  write_file(folder / "f", std::string(3'000'000, 'a'));
  EXPECT_EQ(md5_of(folder / "f"), "99ddc9a3a46ea62c95652bdf937a1fb8");  // of md5sum
}

TEST(Md5, UnreadableFilesAreErrors) {
  const testing::TemporaryFolder folder;
  EXPECT_ERROR(md5_of(folder / "none"), "none", "No such file");
  EXPECT_ERROR(md5_of(folder.path()), "cannot read", "directory");
}

}  // namespace
}  // namespace odenet::data
