#include "core/scratch_folder.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include "core/file.h"
#include "support/expect_error.h"

namespace odenet {
namespace {

namespace fs = std::filesystem;

TEST(ScratchFolder, IsRemovedWithItsFiles) {
  fs::path path;
  {
    const ScratchFolder a("test"), b("test");
    EXPECT_NE(a.path(), b.path());
    path = a.path();
    EXPECT_TRUE(path.filename().string().starts_with("odenet-test-"));
    fs::create_directory(a / "inner");
    write_file(a / "inner" / "file", "text");
  }
  EXPECT_FALSE(fs::exists(path));
}

TEST(ScratchFolder, NeedsASystemThatTakesOne) {
  const char* before = ::getenv("TMPDIR");
  const std::string kept = before == nullptr ? "" : before;
  ::setenv("TMPDIR", "/proc", 1);
  EXPECT_ERROR(ScratchFolder("test"), "/proc/odenet-test-");
  before == nullptr ? ::unsetenv("TMPDIR") : ::setenv("TMPDIR", kept.c_str(), 1);
}

}  // namespace
}  // namespace odenet
