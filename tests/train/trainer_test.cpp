#include "train/trainer.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/file.h"
#include "core/safetensors.h"
#include "support/expect_error.h"
#include "support/temporary_folder.h"

namespace odenet::train {
namespace {

namespace fs = std::filesystem;

class TrainerTest : public ::testing::Test {
 protected:
  TrainerTest() {
    config_.model = "biased-odenet-14";
    config_.train_limit = 192;
    config_.test_limit = 64;
    config_.batch = 32;
    config_.epochs = 2;
    config_.lr = 0.1;
    config_.threads = 2;
  }

  TrainResult train_in(const fs::path& path) {
    RunFolder run(path);
    return train(config_, run, recorder_);
  }

  struct Recorder : Observer {
    void on_start(const Plan& p) override { plan = p; }
    void on_step(const Progress& p) override { steps.push_back(p); }
    void on_epoch(const EpochResult& r) override { epochs.push_back(r); }
    Plan plan;
    std::vector<Progress> steps;
    std::vector<EpochResult> epochs;
  };

  testing::TemporaryFolder folder_;
  TrainConfig config_;
  Recorder recorder_;
};

TEST_F(TrainerTest, WritesARunThatCanBeRunAgain) {
  config_.epochs = 4;
  train_in(folder_ / "a");
  EXPECT_EQ(recorder_.plan.steps, 4 * 6);
  EXPECT_EQ(recorder_.steps.size(), 24u);
  ASSERT_EQ(recorder_.epochs.size(), 4u);
  EXPECT_LT(recorder_.epochs.back().train_loss, recorder_.epochs.front().train_loss);
  const std::string metrics = read_text_file(folder_ / "a/metrics.csv");
  EXPECT_EQ(std::count(metrics.begin(), metrics.end(), '\n'), 5);
  for (const char* name : {"last.safetensors", "best.safetensors"})
    EXPECT_NO_THROW(SafeTensors::load(folder_ / "a" / name)) << name;

  TrainConfig again;
  load_config(again, folder_ / "a/config.toml");
  for (std::string TrainConfig::*choice : {&TrainConfig::precision, &TrainConfig::device}) {
    EXPECT_NE(again.*choice, "auto") << "what it was resolved to";
    config_.*choice = again.*choice;
  }
  EXPECT_EQ(again, config_);
}

TEST_F(TrainerTest, SameSeedSameBytesOtherSeedOtherBytes) {
  train_in(folder_ / "a");
  train_in(folder_ / "b");
  EXPECT_EQ(read_file(folder_ / "a/last.safetensors"), read_file(folder_ / "b/last.safetensors"));
  config_.seed = 2;
  train_in(folder_ / "c");
  EXPECT_NE(read_file(folder_ / "a/last.safetensors"), read_file(folder_ / "c/last.safetensors"));
}

TEST_F(TrainerTest, NoEpochsWritesTheInitialNetwork) {
  config_.epochs = 0;
  train_in(folder_ / "a");
  EXPECT_EQ(find_checkpoint(folder_ / "a"), folder_ / "a/last.safetensors");
}

TEST_F(TrainerTest, DivergenceIsAnErrorThatNamesTheRemedy) {
  config_.lr = 1e9;
  config_.schedule = "cosine";
  RunFolder run(folder_ / "a");
  EXPECT_ERROR(train(config_, run, recorder_), "training diverged", "lower lr");
}

TEST_F(TrainerTest, ExistingRunIsNotOverwritten) {
  fs::create_directory(folder_ / "a");
  write_file(folder_ / "a/notes.txt", "mine");
  EXPECT_ERROR(RunFolder(folder_ / "a"), "exists already");
}

TEST_F(TrainerTest, MissingDataWritesNothing) {
  config_.dataset = "cifar10";
  config_.data_dir = folder_ / "none";
  RunFolder run(folder_ / "a");
  EXPECT_ERROR(train(config_, run, recorder_), "none");
  EXPECT_FALSE(fs::exists(folder_ / "a"));
}

TEST_F(TrainerTest, FolderThatCannotBeCreatedIsAnErrorBeforeTraining) {
  write_file(folder_ / "file", "in the way");
  RunFolder run(folder_ / "file/run");
  EXPECT_ERROR(train(config_, run, recorder_), "cannot create folder");
  EXPECT_TRUE(recorder_.steps.empty());
}

TEST(FindCheckpoint, PrefersTheBest) {
  const testing::TemporaryFolder folder;
  EXPECT_ERROR(find_checkpoint(folder.path()), "best.safetensors", "run folder");
  write_file(folder / "last.safetensors", "");
  EXPECT_EQ(find_checkpoint(folder.path()), folder / "last.safetensors");
  write_file(folder / "best.safetensors", "");
  EXPECT_EQ(find_checkpoint(folder.path()), folder / "best.safetensors");
  EXPECT_EQ(find_checkpoint(folder / "other"), folder / "other");
}

}  // namespace
}  // namespace odenet::train
