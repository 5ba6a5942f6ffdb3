#include "core/process.h"

#include <gtest/gtest.h>

#include "core/file.h"
#include "support/expect_error.h"
#include "support/temporary_folder.h"

namespace odenet {
namespace {

using odenet::testing::TemporaryFolder;

TEST(Process, RunsInTheFolderAndLogs) {
  const TemporaryFolder folder;
  run_process({"sh", "-c", "pwd; echo oops >&2"}, folder.path(), folder / "log");
  EXPECT_EQ(read_text_file(folder / "log"), std::filesystem::canonical(folder.path()).string() + "\noops\n");
}

TEST(Process, FailureShowsTheEndOfTheLog) {
  const TemporaryFolder folder;
  EXPECT_ERROR(run_process({"sh", "-c", "echo no such gate; exit 3"}, folder.path(), folder / "log"), "exit status 3",
               "no such gate", folder.path().string());
  EXPECT_ERROR(run_process({"sh", "-c", "kill -9 $$"}, folder.path(), folder / "log"), "signal 9");
  EXPECT_ERROR(run_process({"no-such-program"}, folder.path(), folder / "log"), "cannot run no-such-program");
}

TEST(Process, NamesThePackageOfAMissingTool) {
  require_tool("sh", "dash");
  EXPECT_ERROR(require_tool("no-such-tool", "the-package"), "no-such-tool is missing", "apt-get install the-package");
}

}  // namespace
}  // namespace odenet
