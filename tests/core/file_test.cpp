#include "core/file.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <string>

#include "support/expect_error.h"
#include "support/temporary_folder.h"

namespace odenet {
namespace {
namespace fs = std::filesystem;

class File : public ::testing::Test {
 protected:
  size_t entries() const {
    return static_cast<size_t>(std::distance(fs::directory_iterator(folder_.path()), fs::directory_iterator()));
  }

  testing::TemporaryFolder folder_;
};

TEST_F(File, WritesAndReads) {
  const std::string text("a\0b\n", 4);
  write_file(folder_ / "a", text);
  EXPECT_EQ(read_text_file(folder_ / "a"), text);
  EXPECT_EQ(read_file(folder_ / "a").size(), 4u);
  EXPECT_EQ(read_file(folder_ / "a", 2), (std::vector{std::byte{'a'}, std::byte{0}}));
  EXPECT_EQ(read_file(folder_ / "a", 5).size(), 4u);
  write_file(folder_ / "a", std::string_view());
  EXPECT_EQ(read_text_file(folder_ / "a"), "");
  EXPECT_EQ(entries(), 1u);  // no temporary file is left
}

TEST_F(File, ReadErrorsNameThePath) {
  EXPECT_ERROR(read_file(folder_ / "none"), (folder_ / "none").string(), "No such file");
  EXPECT_ERROR(read_file(folder_.path()), folder_.path().string(), "folder");
}

TEST_F(File, WriteErrorsNameThePath) {
  EXPECT_ERROR(write_file(folder_ / "none/a", "x"), (folder_ / "none/a").string(), "No such file");
  EXPECT_FALSE(fs::exists(folder_ / "none"));
}

TEST_F(File, AFailedReplacementLeavesEverythingAsItWas) {
  fs::create_directory(folder_ / "a");
  write_file(folder_ / "a/inside", "keep");
  EXPECT_ERROR(write_file(folder_ / "a", "x"), (folder_ / "a").string(), "directory");
  EXPECT_EQ(read_text_file(folder_ / "a/inside"), "keep");
  EXPECT_EQ(entries(), 1u);
}

TEST_F(File, AFailedWriteKeepsTheOldFile) {
  write_file(folder_ / "a", "old");
  // A limit on the size of files stands for the full disk.
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  const rlimit small{4096, before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  EXPECT_ERROR(write_file(folder_ / "a", std::string(10'000, 'x')), (folder_ / "a").string(), "too large");
  ::setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, handler);
  EXPECT_EQ(read_text_file(folder_ / "a"), "old");
  EXPECT_EQ(entries(), 1u);
}

TEST_F(File, CreateFolderMakesParents) {
  create_folder(folder_ / "a/b/c");
  EXPECT_TRUE(fs::is_directory(folder_ / "a/b/c"));
  create_folder(folder_ / "a/b");  // may exist
  write_file(folder_ / "file", "x");
  EXPECT_ERROR(create_folder(folder_ / "file"), (folder_ / "file").string());
  EXPECT_ERROR(create_folder(folder_ / "file/below"), (folder_ / "file/below").string());
}

TEST_F(File, StagedFolderAppearsOnCommit) {
  const fs::path target = folder_ / "parent/target";
  {
    StagedFolder staging(target);
    write_file(staging.path() / "a", "new");
    EXPECT_FALSE(fs::exists(target));
    staging.commit();
  }
  EXPECT_EQ(read_text_file(target / "a"), "new");
  EXPECT_EQ(std::distance(fs::directory_iterator(folder_ / "parent"), fs::directory_iterator()), 1);
}

TEST_F(File, StagedFolderWithoutCommitLeavesNothing) {
  {
    StagedFolder staging(folder_ / "target");
    write_file(staging.path() / "a", "new");
  }
  EXPECT_EQ(entries(), 0u);
}

TEST_F(File, StagedFolderRefusesWhatExists) {
  write_file(folder_ / "file", "keep");
  create_folder(folder_ / "full");
  write_file(folder_ / "full/a", "keep");
  EXPECT_ERROR(StagedFolder(folder_ / "file"), (folder_ / "file").string(), "exists already");
  EXPECT_ERROR(StagedFolder(folder_ / "file", true), "exists already");
  EXPECT_ERROR(StagedFolder(folder_ / "full"), (folder_ / "full").string(), "exists already");
  EXPECT_EQ(read_text_file(folder_ / "full/a"), "keep");
  EXPECT_EQ(entries(), 2u);
}

TEST_F(File, StagedFolderTakesAnEmptyFolder) {
  create_folder(folder_ / "empty");
  StagedFolder staging(folder_ / "empty/");  // with a slash at the end, too
  write_file(staging.path() / "a", "new");
  staging.commit();
  EXPECT_EQ(read_text_file(folder_ / "empty/a"), "new");
  EXPECT_EQ(entries(), 1u);
}

TEST_F(File, StagedFolderReplacesWhenAsked) {
  create_folder(folder_ / "old");
  write_file(folder_ / "old/a", "old");
  {
    StagedFolder staging(folder_ / "old", true);
    write_file(staging.path() / "b", "new");
    EXPECT_EQ(read_text_file(folder_ / "old/a"), "old");
    staging.commit();
  }
  EXPECT_FALSE(fs::exists(folder_ / "old/a"));
  EXPECT_EQ(read_text_file(folder_ / "old/b"), "new");
  EXPECT_EQ(entries(), 1u);
}

}  // namespace
}  // namespace odenet
