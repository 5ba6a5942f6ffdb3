#include "data/archive.h"

#include <gtest/gtest.h>

#include <fstream>
#include <string>

#include "core/file.h"
#include "support/archives.h"
#include "support/expect_error.h"
#include "support/temporary_folder.h"

namespace odenet::data {
namespace {

namespace fs = std::filesystem;
using odenet::testing::ArchiveEntry;
using odenet::testing::write_archive;
using odenet::testing::write_compressed;

std::string text_of(const std::vector<std::byte>& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

class Archive : public ::testing::Test {
 protected:
  void SetUp() override { create_folder(target()); }

  fs::path target() const { return folder_ / "target"; }
  void unpack_all() { unpack(folder_ / "a.tar.gz", "set", target(), 1'000); }

  // What must be refused, with nothing outside of the target written.
  void expect_refused(const ArchiveEntry& entry, const std::string& reason) {
    write_archive(folder_ / "a.tar.gz", {{"set/first", "1"}, entry});
    EXPECT_ERROR(unpack_all(), "a.tar.gz", entry.name, reason);
    for (const auto& file : fs::directory_iterator(folder_.path()))
      EXPECT_TRUE(file.path() == target() || file.path().filename() == "a.tar.gz") << file.path();
  }

  testing::TemporaryFolder folder_;
};

TEST_F(Archive, ReadsCompressedFiles) {
  std::string content(300'000, 'x');
  content += "end";
  for (const char* name : {"f.gz", "f.bz2", "f.xz"}) {
    write_compressed(folder_ / name, content);
    EXPECT_EQ(text_of(read_compressed(folder_ / name, content.size())), content) << name;
    EXPECT_ERROR(read_compressed(folder_ / name, content.size() - 1), name, "larger than the 300002 bytes");
  }
}

TEST_F(Archive, DamagedCompressedFilesAreErrors) {
  std::string content;
  for (unsigned i = 0; i < 100'000; ++i) content.push_back(static_cast<char>(i * i >> 7));
  write_compressed(folder_ / "f.gz", content);
  std::string bytes = read_text_file(folder_ / "f.gz");
  write_file(folder_ / "short.gz", bytes.substr(0, bytes.size() / 2));
  EXPECT_ERROR(read_compressed(folder_ / "short.gz", 1'000'000), "short.gz", "truncated");
  bytes[bytes.size() / 2] ^= 0x55;
  write_file(folder_ / "bits.gz", bytes);
  EXPECT_ERROR(read_compressed(folder_ / "bits.gz", 1'000'000), "bits.gz", "damaged");
  write_file(folder_ / "plain.gz", "<html>not found</html>");
  EXPECT_ERROR(read_compressed(folder_ / "plain.gz", 1'000'000), "plain.gz", "no gzip, bzip2 or xz file");
  EXPECT_ERROR(read_compressed(folder_ / "none.gz", 1'000'000), "none.gz", "no such file");
}

TEST_F(Archive, TheChecksumAndLengthOfGzipFilesAreCompared) {
  // The content is stored as it is, so that only the CRC-32 after it tells a wrong byte.
  const std::string header("\x1f\x8b\x08\0\0\0\0\0\0\xff\x01\x09\0\xf6\xff", 15), content = "123456789";
  const std::string crc = "\x26\x39\xf4\xcb", length("\x09\0\0\0", 4);
  const auto read = [&](const std::string& bytes) {
    write_file(folder_ / "f.gz", bytes);
    return text_of(read_compressed(folder_ / "f.gz", 1'000));
  };
  EXPECT_EQ(read(header + content + crc + length), content);
  EXPECT_ERROR(read(header + "123456780" + crc + length), "f.gz", "damaged", "checksum");
  EXPECT_ERROR(read(header + content + crc + std::string("\x08\0\0\0", 4)), "f.gz", "damaged", "length");
  EXPECT_ERROR(read(header + content + crc + length + "behind the member"), "f.gz", "damaged");
}

TEST_F(Archive, UnpacksTheWantedFolder) {
  write_archive(folder_ / "a.tar.gz", {{.name = "set/", .type = AE_IFDIR},
                                       {"set/a", "first"},
                                       {"./set/sub/b", "second"},
                                       {"elsewhere/c", "left out"},
                                       {"set/empty", ""}});
  unpack_all();
  EXPECT_EQ(read_text_file(target() / "a"), "first");
  EXPECT_EQ(read_text_file(target() / "sub/b"), "second");
  EXPECT_EQ(fs::file_size(target() / "empty"), 0u);
  EXPECT_FALSE(fs::exists(target() / "c"));
}

TEST_F(Archive, PathsOutOfTheFolderAreRefused) {
  expect_refused({"/tmp/odenet-evil", "x"}, "absolute path");
  expect_refused({"../evil", "x"}, "leads out");
  expect_refused({"set/../../evil", "x"}, "leads out");
  expect_refused({"other/..", "x"}, "leads out");
}

TEST_F(Archive, LinksAndDevicesAreRefused) {
  expect_refused({.name = "set/link", .type = AE_IFLNK, .link = "/etc"}, "link");
  expect_refused({.name = "set/link", .type = AE_IFLNK, .link = "first"}, "link");
  expect_refused({.name = "set/hard", .hardlink = "/etc/passwd"}, "link");
  expect_refused({.name = "set/pipe", .type = AE_IFIFO}, "neither a file nor a folder");
  expect_refused({.name = "set/device", .type = AE_IFCHR}, "neither a file nor a folder");
}

TEST_F(Archive, SizeIsLimited) {
  write_archive(folder_ / "a.tar.gz", {{"set/a", std::string(600, 'a')}, {"set/b", std::string(401, 'b')}});
  EXPECT_ERROR(unpack_all(), "a.tar.gz", "set/b", "larger");
  write_archive(folder_ / "a.tar.gz", {{"set/a", std::string(600, 'a')}, {"set/b", std::string(400, 'b')}});
  unpack_all();
}

TEST_F(Archive, DamagedOrStrangeArchivesAreErrors) {
  std::string noise;
  for (unsigned i = 0; i < 5'000; ++i) noise.push_back(static_cast<char>(i * i * i >> 5));
  write_archive(folder_ / "a.tar.gz", {{"set/a", noise.substr(0, 900)}});
  const std::string bytes = read_text_file(folder_ / "a.tar.gz");
  write_file(folder_ / "a.tar.gz", bytes.substr(0, bytes.size() / 2));
  EXPECT_ERROR(unpack_all(), "a.tar.gz", "damaged or no archive");
  write_file(folder_ / "a.tar.gz", "<!DOCTYPE html><html>404</html>");
  EXPECT_ERROR(unpack_all(), "a.tar.gz", "damaged or no archive");
  write_archive(folder_ / "a.tar.gz", {{"other/a", "x"}});
  EXPECT_ERROR(unpack_all(), "a.tar.gz", "no file below set/");
  fs::remove(folder_ / "a.tar.gz");
  EXPECT_ERROR(unpack_all(), "a.tar.gz", "no such file");
}

}  // namespace
}  // namespace odenet::data
