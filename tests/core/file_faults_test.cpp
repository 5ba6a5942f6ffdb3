// Every write, fsync, rename ... of core/file.h fails once, and the process dies once before each.
#include "support/file_faults.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "core/file.h"
#include "support/expect_error.h"
#include "support/temporary_folder.h"

namespace odenet {
namespace {

namespace fs = std::filesystem;
using testing::FaultPlan;
using testing::FileCall;
using testing::FileFaults;
using testing::ProcessDeath;

const std::string kOld = "old content", kNew = "new content, longer";

size_t entries(const fs::path& folder) {
  return static_cast<size_t>(std::distance(fs::directory_iterator(folder), fs::directory_iterator()));
}

// One operation on files, and what is there before and after it.
struct Operation {
  const char* name;
  void (*prepare)(const fs::path& folder);
  void (*act)(const fs::path& folder);
  bool (*is_old)(const fs::path& folder);
  bool (*is_new)(const fs::path& folder);
};

bool has(const fs::path& file, const std::string& content) {
  return fs::exists(file) && read_text_file(file) == content;
}

void stage(const fs::path& target, bool replace) {
  StagedFolder staging(target, replace);
  write_file(staging.path() / "a", kNew);
  write_file(staging.path() / "b", kNew);
  staging.commit();
}

const Operation kOperations[] = {
    {"WriteFile", [](const fs::path& f) { write_file(f / "x", kOld); },
     [](const fs::path& f) { write_file(f / "x", kNew); }, [](const fs::path& f) { return has(f / "x", kOld); },
     [](const fs::path& f) { return has(f / "x", kNew); }},
    {"WriteNewFile", [](const fs::path&) {}, [](const fs::path& f) { write_file(f / "x", kNew); },
     [](const fs::path& f) { return !fs::exists(f / "x"); }, [](const fs::path& f) { return has(f / "x", kNew); }},
    {"CreateFolder", [](const fs::path&) {}, [](const fs::path& f) { create_folder(f / "x"); },
     [](const fs::path& f) { return !fs::exists(f / "x"); }, [](const fs::path& f) { return fs::exists(f / "x"); }},
    {"StageNewFolder", [](const fs::path&) {}, [](const fs::path& f) { stage(f / "x", false); },
     [](const fs::path& f) { return !fs::exists(f / "x"); },
     [](const fs::path& f) { return has(f / "x/a", kNew) && has(f / "x/b", kNew); }},
    {"ReplaceFolder", [](const fs::path& f) { create_folder(f / "x"), write_file(f / "x/a", kOld); },
     [](const fs::path& f) { stage(f / "x", true); },
     [](const fs::path& f) { return has(f / "x/a", kOld) && !fs::exists(f / "x/b"); },
     [](const fs::path& f) { return has(f / "x/a", kNew) && has(f / "x/b", kNew); }},
};

class FileFaultsTest : public ::testing::TestWithParam<Operation> {
 protected:
  // Calls check(plan's k) for every k that the operation's calls reach, each time in a fresh folder.
  template <typename Check>
  void for_every_call(const Check& check) {
    for (int k = 1; k < 100; ++k) {
      SCOPED_TRACE(fmt::format("call {}", k));
      const testing::TemporaryFolder folder;
      GetParam().prepare(folder.path());
      if (!check(k, folder.path())) {
        EXPECT_GT(k, 1) << "nothing was tried";
        return;
      }
    }
    FAIL() << "never ends";
  }

  static bool is_old(const fs::path& folder) { return GetParam().is_old(folder); }
  static bool is_new(const fs::path& folder) { return GetParam().is_new(folder); }
};

TEST_P(FileFaultsTest, AFailureIsAnErrorAndKeepsOldOrNew) {
  for (const int error : {ENOSPC, EIO, EROFS})
    for (const bool forever : {false, true})
      for_every_call([&](int k, const fs::path& folder) {
        FileFaults faults({.fail_at = k, .error = error, .forever = forever});
        try {
          GetParam().act(folder);
          EXPECT_TRUE(is_new(folder));
        } catch (const Error& e) {
          EXPECT_TRUE(faults.struck());
          EXPECT_NE(std::string(e.what()).find(folder.string()), std::string::npos) << e.what();
          EXPECT_NE(std::string(e.what()).find(std::strerror(error)), std::string::npos) << e.what();
          EXPECT_TRUE(is_old(folder) || is_new(folder));
          if (is_new(folder)) remove_leftovers(folder);  // what was replaced, as the replacement is not lasting
        }
        EXPECT_LE(entries(folder), 1u) << "a temporary file is left";
        return faults.struck();
      });
}

TEST_P(FileFaultsTest, InterruptedCallsAreTriedAgain) {
  for_every_call([&](int k, const fs::path& folder) {
    FileFaults faults(
        {.fail_at = k, .error = EINTR, .counted = {FileCall::open, FileCall::write, FileCall::fsync, FileCall::close}});
    GetParam().act(folder);
    EXPECT_TRUE(is_new(folder));
    return faults.struck();
  });
}

TEST_P(FileFaultsTest, DeathLeavesOldOrNewAndLeftoversThatCanBeRemoved) {
  for_every_call([&](int k, const fs::path& folder) {
    bool dead = false;
    {
      FileFaults faults({.die_at = k});
      try {
        GetParam().act(folder);
      } catch (const ProcessDeath&) {
        dead = true;
      }
    }
    EXPECT_TRUE(is_old(folder) || is_new(folder));
    EXPECT_TRUE(dead || is_new(folder));
    remove_leftovers(folder);
    EXPECT_LE(entries(folder), 1u);
    EXPECT_TRUE(is_old(folder) || is_new(folder));
    return dead;
  });
}

INSTANTIATE_TEST_SUITE_P(Each, FileFaultsTest, ::testing::ValuesIn(kOperations),
                         [](const auto& test) { return test.param.name; });

TEST(FileFaults, ShortWritesAreContinued) {
  const testing::TemporaryFolder folder;
  FileFaults faults({.counted = {FileCall::write}, .largest_write = 3});
  write_file(folder / "x", kNew);
  EXPECT_EQ(read_text_file(folder / "x"), kNew);
  EXPECT_EQ(faults.calls(), static_cast<int>(kNew.size() + 2) / 3);
}

TEST(FileFaults, AWriteThatTakesNothingIsAnError) {
  const testing::TemporaryFolder folder;
  const FileFaults faults({.largest_write = 0});
  EXPECT_ERROR(write_file(folder / "x", kNew), (folder / "x").string(), "Input/output");
}

TEST(FileFaults, FoldersSwapByRenamingWhereExchangeIsUnknown) {
  const testing::TemporaryFolder folder;
  create_folder(folder / "x");
  write_file(folder / "x/a", kOld);
  const FileFaults faults({.fail_at = 1, .error = EINVAL, .counted = {FileCall::exchange}});
  stage(folder / "x", true);
  EXPECT_EQ(read_text_file(folder / "x/a"), kNew);
  EXPECT_EQ(entries(folder.path()), 1u);
}

// The calls that make changes lasting or not, by their first letters.
class Order : public FileCalls {
 public:
  Order() : before_(replace_file_calls(this)) {}
  ~Order() override { replace_file_calls(before_); }
  std::string letters;

  int fsync(int fd) override { return letters += 'f', FileCalls::fsync(fd); }
  int rename(const char* from, const char* to) override { return letters += 'r', FileCalls::rename(from, to); }
  int exchange(const char* a, const char* b) override { return letters += 'e', FileCalls::exchange(a, b); }
  void remove_tree(const fs::path& path) noexcept override {
    letters += 'd';  // delete
    FileCalls::remove_tree(path);
  }

 private:
  FileCalls* before_;
};

TEST(FileFaults, AReplacedFolderStaysUntilTheSwapIsLasting) {
  const testing::TemporaryFolder folder;
  create_folder(folder / "x");
  write_file(folder / "x/a", kOld);
  StagedFolder staging(folder / "x", true);
  Order order;
  staging.commit();
  EXPECT_EQ(order.letters, "efd");
}

TEST(FileFaults, AMoveIsLasting) {
  const testing::TemporaryFolder folder;
  write_file(folder / "a", kNew);
  {
    Order order;
    move_file(folder / "a", folder / "b");
    EXPECT_EQ(order.letters, "frf");
  }
  EXPECT_TRUE(has(folder / "b", kNew));
  EXPECT_EQ(entries(folder.path()), 1u);
  EXPECT_ERROR(move_file(folder / "a", folder / "b"), (folder / "a").string(), "No such file");
  EXPECT_ERROR(move_file(folder / "b", folder / "none/b"), (folder / "none/b").string(), "No such file");
  const auto sync_says = [](int error) {
    return FaultPlan{.fail_at = 1, .error = error, .forever = true, .counted = {FileCall::fsync}};
  };
  const FileFaults unknown(sync_says(EINVAL));  // as network file systems do for folders
  move_file(folder / "b", folder / "a");
  const FileFaults broken(sync_says(EIO));
  EXPECT_ERROR(move_file(folder / "a", folder / "b"), "Input/output");
}

TEST(FileFaults, OnlyNamesOfTemporaryFilesAreLeftovers) {
  const testing::TemporaryFolder folder;
  for (const char* name : {"a", ".a.tmp", "a.12.tmp", ".a.12.tmpx", ".a.b.tmp", ".hidden"})
    write_file(folder / name, "");
  EXPECT_TRUE(leftovers(folder.path()).empty());
  write_file(folder / ".last.safetensors.4711.12.tmp", "");
  EXPECT_EQ(leftovers(folder.path()), std::vector{folder / ".last.safetensors.4711.12.tmp"});
  EXPECT_ERROR(leftovers(folder / "none"), (folder / "none").string());
}

}  // namespace
}  // namespace odenet
