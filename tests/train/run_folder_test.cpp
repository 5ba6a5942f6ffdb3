#include "train/run_folder.h"

#include <gtest/gtest.h>

#include "core/file.h"
#include "support/expect_error.h"
#include "support/file_faults.h"
#include "support/temporary_folder.h"

namespace odenet::train {
namespace {

namespace fs = std::filesystem;
using testing::FileFaults;
using testing::ProcessDeath;

EpochResult result(int64_t epoch) {
  return {.epoch = epoch, .lr = 0.1, .test_top1 = 10.0 * static_cast<double>(epoch), .best = true};
}

TrainConfig config() {
  TrainConfig c;
  c.model = "resnet-32";
  c.lr = 0.1 / 3;
  return c;
}

// A run of two epochs.
void write_run(const fs::path& path) {
  RunFolder run(path);
  run.create(config());
  run.add_epoch(result(1));
  run.add_epoch(result(2));
}

TEST(RunFolder, OpensWithConfigAndResults) {
  const testing::TemporaryFolder folder;
  write_run(folder / "a");
  const RunFolder run = RunFolder::open(folder / "a");
  EXPECT_TRUE(run.opened());
  EXPECT_EQ(run.config(), config());
  EXPECT_EQ(run.results(), (std::vector{result(1), result(2)}));
  EXPECT_EQ(read_run(folder / "a").results.size(), 2u) << "reading needs no lock";
}

TEST(RunFolder, TruncatedRowsComeBackAsTheyWere) {
  const testing::TemporaryFolder folder;
  write_run(folder / "a");
  const auto before = read_file(folder / "a/metrics.csv");
  RunFolder run = RunFolder::open(folder / "a");
  run.truncate(1);
  EXPECT_EQ(run.results().size(), 1u);
  EXPECT_EQ(read_metrics(folder / "a/metrics.csv").size(), 1u);
  run.add_epoch(result(2));
  EXPECT_EQ(read_file(folder / "a/metrics.csv"), before);
  EXPECT_ERROR(run.truncate(3), "metrics.csv has 2 rows", "resume.safetensors is 3 epochs on");
}

TEST(RunFolder, RefusesWhatIsNoRun) {
  const testing::TemporaryFolder folder;
  EXPECT_ERROR(RunFolder::open(folder / "none"), (folder / "none").string(), "no run folder");
  EXPECT_ERROR(RunFolder::open(folder.path()), "no config.toml");
  EXPECT_TRUE(fs::is_empty(folder.path())) << "no lock file is left in foreign folders";
  write_run(folder / "a");
  write_file(folder / "a/metrics.csv", "other\n");
  EXPECT_ERROR(RunFolder::open(folder / "a"), "metrics.csv:1");
  write_file(folder / "a/config.toml", "epochs = \"many\"\n");
  EXPECT_ERROR(RunFolder::open(folder / "a"), "config.toml", "epochs is 'many'");
}

TEST(RunFolder, ExistingFolderIsNotOverwritten) {
  const testing::TemporaryFolder folder;
  write_run(folder / "a");
  EXPECT_ERROR(RunFolder(folder / "a"), "exists already");
  write_file(folder / "file", "mine");
  EXPECT_ERROR(RunFolder(folder / "file"), "exists already");
  RunFolder first(folder / "b"), second(folder / "b");
  first.create(config());
  EXPECT_ERROR(second.create(config()), "in use");
  { const RunFolder done = std::move(first); }
  EXPECT_ERROR(second.create(config()), "exists already");
}

TEST(RunFolder, AFolderInUseIsRefused) {
  const testing::TemporaryFolder folder;
  RunFolder run(folder / "a");
  run.create(config());
  EXPECT_ERROR(RunFolder::open(folder / "a"), (folder / "a").string(), "in use by another process");
}

TEST(RunFolder, OpenRemovesWhatAKilledProcessLeft) {
  const testing::TemporaryFolder folder;
  write_run(folder / "a");
  write_file(folder / "a/.last.safetensors.4711.tmp", "half");
  write_file(folder / "a/notes.txt", "mine");
  RunFolder::open(folder / "a");
  EXPECT_FALSE(fs::exists(folder / "a/.last.safetensors.4711.tmp"));
  EXPECT_TRUE(fs::exists(folder / "a/notes.txt"));
}

TEST(RunFolder, EveryFailedWriteIsAnErrorAndKeepsTheRows) {
  int k = 1;
  for (bool struck = true; struck; ++k) {
    SCOPED_TRACE(k);
    const testing::TemporaryFolder folder;
    size_t completed = 0;
    {
      const FileFaults faults({.fail_at = k, .error = EROFS, .forever = true});
      try {
        RunFolder run(folder / "a");
        run.create(config());
        for (completed = 0; completed < 2; ++completed) run.add_epoch(result(static_cast<int64_t>(completed) + 1));
      } catch (const Error& e) {
        EXPECT_NE(std::string(e.what()).find((folder / "a").string()), std::string::npos) << e.what();
        EXPECT_TRUE(faults.struck());
      }
      struck = faults.struck();
    }
    EXPECT_EQ(struck, completed < 2);
    if (fs::exists(folder / "a/metrics.csv")) {
      const auto rows = RunFolder::open(folder / "a").results();
      EXPECT_GE(rows.size(), completed);
      EXPECT_LE(rows.size(), completed + 1);
    }
  }
  EXPECT_GT(k, 15) << "three files, of five or more calls each";
}

TEST(RunFolder, AfterDeathAtAnyCallTheRunOpensOrTheNameIsFree) {
  int k = 1;
  for (bool dead = true; dead; ++k) {
    SCOPED_TRACE(k);
    const testing::TemporaryFolder folder;
    size_t completed = 0;
    dead = false;
    try {
      const FileFaults faults({.die_at = k});
      RunFolder run(folder / "a");
      run.create(config());
      for (completed = 0; completed < 2; ++completed) run.add_epoch(result(static_cast<int64_t>(completed) + 1));
    } catch (const ProcessDeath&) {
      dead = true;
    }
    EXPECT_EQ(dead, completed < 2);
    if (fs::exists(folder / "a/config.toml")) {
      const RunFolder run = RunFolder::open(folder / "a");
      EXPECT_EQ(run.config(), config());
      EXPECT_GE(run.results().size(), completed);
      EXPECT_TRUE(leftovers(folder / "a").empty());
    } else {
      EXPECT_NO_THROW(write_run(folder / "a"));
      EXPECT_TRUE(leftovers(folder / "a").empty());
    }
  }
  EXPECT_GT(k, 15) << "three files, of five or more calls each";
}

}  // namespace
}  // namespace odenet::train
