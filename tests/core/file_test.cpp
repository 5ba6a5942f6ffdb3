#include "core/file.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

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

TEST_F(File, LinksAreFollowedAndStay) {
  create_folder(folder_ / "there");
  write_file(folder_ / "there/a", "old");
  fs::create_symlink("there/a", folder_ / "link");
  fs::create_symlink(folder_ / "link", folder_ / "link of link");
  fs::create_symlink("there/b", folder_ / "to nothing");
  write_file(folder_ / "link of link", "new");
  write_file(folder_ / "to nothing", "made");
  for (const char* link : {"link", "link of link", "to nothing"}) EXPECT_TRUE(fs::is_symlink(folder_ / link)) << link;
  EXPECT_EQ(read_text_file(folder_ / "there/a"), "new");
  EXPECT_EQ(read_text_file(folder_ / "there/b"), "made");
  EXPECT_EQ(entries(), 4u);
}

TEST_F(File, PipesAndDevicesAreWrittenNotReplaced) {
  const fs::path pipe = folder_ / "pipe";
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  fs::create_symlink("pipe", folder_ / "link");
  const int fd = ::open(pipe.c_str(), O_RDONLY | O_NONBLOCK);
  ASSERT_GE(fd, 0);
  for (const fs::path& path : {pipe, folder_ / "link"}) {
    write_file(path, "through");
    std::array<char, 16> read{};
    EXPECT_EQ(::read(fd, read.data(), read.size()), 7) << path;
    EXPECT_STREQ(read.data(), "through");
  }
  ::close(fd);
  EXPECT_TRUE(fs::is_fifo(pipe));
  EXPECT_TRUE(fs::is_symlink(folder_ / "link"));
  EXPECT_EQ(entries(), 2u);
}

TEST_F(File, ThreadsMayWriteTheSameFile) {
  std::vector<std::thread> threads;
  for (const char letter : {'a', 'b', 'c', 'd'})
    threads.emplace_back([&, letter] {
      for (size_t size = 1; size <= 20; ++size)
        EXPECT_NO_THROW(write_file(folder_ / "x", std::string(1000 * size, letter)));
    });
  for (std::thread& thread : threads) thread.join();
  const std::string text = read_text_file(folder_ / "x");
  EXPECT_EQ(text, std::string(20'000, text.at(0)));
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

// In a process of its own, which ends where it would go on forever.
TEST_F(File, CreateFolderEndsWhereTheCurrentFolderIsOutOfReach) {
  const auto in_a_closed_folder = [&] {
    ::alarm(10);
    fs::current_path(folder_.path());
    ::chmod(folder_.path().c_str(), 0);
    if (::geteuid() == 0 && ::seteuid(65534) != 0) std::exit(1);
    try {
      create_folder("x");
    } catch (const Error& error) {
      std::fputs(error.what(), stderr);
      std::exit(0);
    }
    std::exit(2);
  };
  EXPECT_EXIT(in_a_closed_folder(), ::testing::ExitedWithCode(0), "cannot create folder x: Permission denied");
  ::chmod(folder_.path().c_str(), 0700);
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

TEST_F(File, StagedFoldersBesideEachOther) {
  StagedFolder first(folder_ / "target"), second(folder_ / "target");
  write_file(first.path() / "a", "first");
  write_file(second.path() / "b", "second");
  first.commit();
  EXPECT_ERROR(second.commit(), "target");
  EXPECT_EQ(read_text_file(folder_ / "target/a"), "first");
}

TEST_F(File, WhatAKilledProcessOfTheSameNumberLeftIsNotInTheWay) {
  // The names of the next writes, that of another process had it been this one.
  const std::string before = StagedFolder(folder_ / "x").path().filename();  // ".x.PID.N.staging"
  const std::string stem = before.substr(0, before.find_last_of('.', before.rfind('.') - 1) + 1);
  const int number = std::stoi(before.substr(stem.size()));
  const auto leave = [&](int n, const std::string& suffix) {
    const fs::path left = folder_ / (stem + std::to_string(n) + "." + suffix);
    fs::create_directory(left);
    fs::create_directory(left / "half");
    return left;
  };
  const fs::path staging = leave(number + 1, "staging"), temporary = leave(number + 2, "tmp");
  {
    StagedFolder staged(folder_ / "x");
    EXPECT_EQ(staged.path().filename(), staging.filename());
    EXPECT_TRUE(fs::is_empty(staged.path()));
  }
  write_file(folder_ / "x", "new");
  EXPECT_FALSE(fs::exists(temporary));
  EXPECT_EQ(entries(), 1u);
}

TEST_F(File, StagedFolderFollowsALink) {
  create_folder(folder_ / "there/old");
  write_file(folder_ / "there/old/a", "old");
  fs::create_symlink("there/old", folder_ / "link");
  fs::create_symlink("there/new", folder_ / "to nothing");
  for (const char* link : {"link", "to nothing"}) {
    StagedFolder staging(folder_ / link, true);
    EXPECT_EQ(fs::canonical(staging.path().parent_path()), fs::canonical(folder_ / "there"));
    write_file(staging.path() / "b", link);
    staging.commit();
    EXPECT_TRUE(fs::is_symlink(folder_ / link));
    EXPECT_EQ(read_text_file(folder_ / link / "b"), link);
    EXPECT_FALSE(fs::exists(folder_ / link / "a"));
  }
  EXPECT_EQ(std::distance(fs::directory_iterator(folder_ / "there"), fs::directory_iterator()), 2);
}

}  // namespace
}  // namespace odenet
