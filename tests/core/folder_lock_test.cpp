#include "core/folder_lock.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include "core/file.h"
#include "support/expect_error.h"
#include "support/temporary_folder.h"

namespace odenet {
namespace {

TEST(FolderLock, OneHolderAtATime) {
  const testing::TemporaryFolder folder;
  FolderLock lock(folder.path());
  EXPECT_ERROR(FolderLock(folder.path()), folder.path().string(), "in use");
  FolderLock moved = std::move(lock);
  EXPECT_ERROR(FolderLock(folder.path()), "in use");
  moved = FolderLock();
  EXPECT_NO_THROW(FolderLock(folder.path()));
}

TEST(FolderLock, DeathReleasesIt) {
  const testing::TemporaryFolder folder;
  int ready[2];
  ASSERT_EQ(::pipe(ready), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    const FolderLock lock(folder.path());
    if (::write(ready[1], "x", 1) == 1) ::pause();
    ::_exit(1);
  }
  char byte;
  ASSERT_EQ(::read(ready[0], &byte, 1), 1);
  EXPECT_ERROR(FolderLock(folder.path()), "in use");
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  EXPECT_NO_THROW(FolderLock(folder.path()));
  ::close(ready[0]);
  ::close(ready[1]);
}

TEST(FolderLock, ErrorsNameTheFolder) {
  const testing::TemporaryFolder folder;
  EXPECT_ERROR(FolderLock(folder / "none"), (folder / "none").string(), "No such file");
}

}  // namespace
}  // namespace odenet
