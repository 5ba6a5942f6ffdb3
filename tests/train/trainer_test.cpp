#include "train/trainer.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/file.h"
#include "core/safetensors.h"
#include "support/expect_error.h"
#include "support/temporary_folder.h"
#include "support/tiny_digits.h"

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

TEST_F(TrainerTest, TheTimeLeftHasTheTestsToCome) {
  train_in(folder_ / "a");
  EXPECT_GT(recorder_.steps.back().seconds_left, 0) << "no image is left, but a test";
}

TEST_F(TrainerTest, SameSeedSameBytesOtherSeedOtherBytes) {
  train_in(folder_ / "a");
  train_in(folder_ / "b");
  EXPECT_EQ(read_file(folder_ / "a/last.safetensors"), read_file(folder_ / "b/last.safetensors"));
  config_.seed = 2;
  train_in(folder_ / "c");
  EXPECT_NE(read_file(folder_ / "a/last.safetensors"), read_file(folder_ / "c/last.safetensors"));
}

class AdaptedTrainerTest : public TrainerTest {
 protected:
  AdaptedTrainerTest() {
    testing::write_tiny_digits(folder_.path());
    testing::write_tiny_digits(folder_.path(), "usps");
    config_.model = "odenet-14";
    config_.dataset = "mnist";
    config_.target = "usps";
    config_.data_dir = folder_.path();
    config_.batch = 16;
    config_.threads = 1;
  }

  std::vector<std::byte> bytes_of(const std::string& name) const { return read_file(folder_ / name); }
};

TEST_F(AdaptedTrainerTest, ATargetThatIsOnlyTestedChangesNothing) {
  train_in(folder_ / "with");
  const std::vector<EpochResult> with = recorder_.epochs;
  EXPECT_EQ(recorder_.plan.target_train_images, 0);
  EXPECT_EQ(recorder_.plan.target_test_images, 16);
  config_.target.clear();
  train_in(folder_ / "without");
  for (const char* name : {"last.safetensors", "best.safetensors"})
    EXPECT_EQ(bytes_of(std::string("with/") + name), bytes_of(std::string("without/") + name)) << name;
  EXPECT_EQ(with.back().test_loss, recorder_.epochs.back().test_loss);
  EXPECT_TRUE(with.back().has_target);
  EXPECT_GT(with.back().target_loss, 0);
  EXPECT_FALSE(fs::exists(folder_ / "without/target.safetensors"));
  const std::string metrics = read_text_file(folder_ / "without/metrics.csv");
  EXPECT_EQ(metrics.find("target"), std::string::npos) << "as without the feature";
}

TEST_F(AdaptedTrainerTest, LabelsOfTheTargetAreNotRead) {
  for (const char* method : {"adabn", "dann", "mmd", "coral"}) {
    SCOPED_TRACE(method);
    config_.adapt = method;
    const std::string a = std::string(method) + "-a", b = std::string(method) + "-b";
    const fs::path labels = folder_ / "usps/usps-train-labels-idx1-ubyte";
    const std::string right = read_text_file(labels);
    train_in(folder_ / a);
    EXPECT_EQ(recorder_.plan.target_train_images, 48);
    write_file(labels, right.substr(0, 8) + std::string(48, '\3'));
    train_in(folder_ / b);
    write_file(labels, right);
    EXPECT_EQ(bytes_of(a + "/target.safetensors"), bytes_of(b + "/target.safetensors"));
  }
}

TEST_F(AdaptedTrainerTest, TheTargetsImagesAreTrainedWith) {
  for (const char* method : {"dann", "mmd", "coral"}) {
    SCOPED_TRACE(method);
    config_.adapt = method;
    train_in(folder_ / method);
    EXPECT_GT(recorder_.epochs.back().adapt_loss, 0);
    config_.adapt = "adabn";
    if (!fs::exists(folder_ / "adabn")) train_in(folder_ / "adabn");
    EXPECT_NE(bytes_of(std::string(method) + "/last.safetensors"), bytes_of("adabn/last.safetensors"));
  }
  config_.adapt = "none";
  train_in(folder_ / "none");
  EXPECT_EQ(bytes_of("adabn/last.safetensors"), bytes_of("none/last.safetensors"))
      << "separate statistics leave the source's training as it is";
  EXPECT_NE(bytes_of("adabn/target.safetensors"), bytes_of("none/target.safetensors"));
}

TEST_F(AdaptedTrainerTest, CheckpointsAreTheNetworkAlone) {
  config_.adapt = "dann";
  config_.epochs = 1;
  train_in(folder_ / "a");
  const SafeTensors last = SafeTensors::load(folder_ / "a/last.safetensors");
  const SafeTensors target = SafeTensors::load(folder_ / "a/target.safetensors");
  const SafeTensors state = SafeTensors::load(folder_ / "a/resume.safetensors");
  int64_t values = 0;
  ASSERT_EQ(last.tensors.size(), target.tensors.size());
  for (const auto& [name, tensor] : last.tensors) {
    const bool statistics = name.find("running") != std::string::npos;
    EXPECT_EQ(tensor.data == target.tensors.at(name).data, !statistics) << name;
    if (!statistics) values += element_count(tensor.shape);
  }
  EXPECT_EQ(last.metadata.at("dataset"), "mnist");
  EXPECT_EQ(target.metadata.at("dataset"), "usps");
  EXPECT_EQ(target.metadata.at("normalization"), last.metadata.at("normalization"));
  const int64_t discriminator = 64 * 100 + 100 + 100 + 1;
  EXPECT_EQ(element_count(state.tensors.at("velocity").shape), values + discriminator);
}

TEST_F(AdaptedTrainerTest, WhatAMethodCannotDoIsRefused) {
  config_.adapt = "mmd";
  config_.batch = 47;  // one image is left
  RunFolder run(folder_ / "a");
  EXPECT_ERROR(train(config_, run, recorder_), "one image", "choose another batch than 47");
  config_.batch = 64;
  EXPECT_ERROR(train(config_, run, recorder_), "usps has 48 training images", "smaller batch");
  WorkerEnvironment two;
  two.size = 2;
  EXPECT_ERROR(train(config_, &run, recorder_, two), "whole batches", "2 processes");
  EXPECT_FALSE(fs::exists(folder_ / "a"));
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

TEST_F(TrainerTest, DivergenceInTheLastStepIsSeenByTheTest) {
  config_.model = "resnet-8";
  config_.lr = 1e20;
  config_.schedule = "step";
  config_.train_limit = config_.batch;
  config_.epochs = 1;
  RunFolder run(folder_ / "a");
  EXPECT_ERROR(train(config_, run, recorder_), "training diverged: the test loss is", "epoch 1");
  EXPECT_TRUE(run.results().empty());
  EXPECT_FALSE(fs::exists(run.last()));
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
