// Predictors of dynamic systems through the program.
#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "cli/program.h"
#include "core/file.h"

namespace odenet {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

TEST(DynamicsCommand, TrainsEvaluatesAndCompares) {
  const testing::TemporaryFolder folder;
  const std::string run = (folder / "run").string();
  const std::string train = "train --dataset lotka-volterra --model mlp-16 --train-limit 8 --test-limit 4 --threads 1 ";
  EXPECT_THAT(succeed(train + "--solver rk4 --epochs 2 --batch 64 --lr 0.05 --out " + run), HasSubstr("rollout error"));
  EXPECT_THAT(read_text_file(run + "/metrics.csv"),
              HasSubstr("epoch,learning_rate,train_loss,test_loss,rollout_error,pairs_per_second,seconds\n"));

  const auto whole = nlohmann::json::parse(succeed("eval --json --limit 4 " + run));
  EXPECT_EQ(whole.at("solver"), "rk4");
  EXPECT_EQ(whole.at("counts").at("evaluations"), 64 * 4);
  EXPECT_EQ(whole.at("rollout_errors").size(), 64u);
  const auto euler = nlohmann::json::parse(succeed("eval --json --limit 4 --solver euler --steps 2 " + run));
  EXPECT_EQ(euler.at("counts").at("evaluations"), 64 * 2);
  EXPECT_NE(euler.at("rollout_error"), whole.at("rollout_error"));
  EXPECT_THAT(succeed("eval --limit 4 " + run), AllOf(HasSubstr("lotka-volterra by rk4"), HasSubstr("after 100 %")));
  const auto adaptive = nlohmann::json::parse(
      succeed("eval --json --limit 4 --solver dormand-prince --controller pi --rtol 1e-4 --atol 1e-4 " + run));
  EXPECT_GE(adaptive.at("counts").at("trials"), 64);
  EXPECT_NEAR(adaptive.at("rollout_error"), whole.at("rollout_error"), 1e-2);
  EXPECT_THAT(fail("eval --limit 4 --solver dormand-prince --steps 2 --controller pi " + run),
              AllOf(HasSubstr("--steps 2"), HasSubstr("--controller pi"), HasSubstr("exclude")));
  const auto fixed = nlohmann::json::parse(succeed("eval --json --limit 4 --controller fixed " + run));
  EXPECT_EQ(fixed.at("rollout_error"), whole.at("rollout_error"));
  EXPECT_THAT(fail("eval --dataset three-body " + run), HasSubstr("cannot be tested on three-body"));
  EXPECT_THAT(succeed("compare " + run), AllOf(HasSubstr("mlp-16"), HasSubstr("best rollout error")));

  EXPECT_THAT(fail("quantize " + run), HasSubstr("dynamic system"));
  EXPECT_THAT(fail("eval --backend fixed " + run), HasSubstr("float backend only"));
  EXPECT_THAT(fail("train --dataset three-body --out " + run + "2"),
              AllOf(HasSubstr("biased-odenet-20"), HasSubstr("mlp-W")));
  EXPECT_THAT(succeed(train + "--dry-run"), HasSubstr("354 parameters"));
}

}  // namespace
}  // namespace odenet
