// Domain adaptation as a user does it, on the built-in sample set and its shifted copy.
#include <gmock/gmock.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "cli/program.h"
#include "core/file.h"

namespace odenet {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

TEST(AdaptationCommand, TrainsTestsSavesAndCompares) {
  const testing::TemporaryFolder folder;
  const auto path = [&](const std::string& name) { return (folder / name).string(); };
  const std::string train =
      "train --model resnet-8 --target sample-shifted --train-limit 64 --test-limit 50 --batch 32 --threads 1 ";
  const std::string text = succeed(train + "--epochs 2 --adapt dann --out " + path("dann"));
  EXPECT_THAT(text, AllOf(HasSubstr("target: sample-shifted top-1"), HasSubstr("dann/target.safetensors")));
  EXPECT_THAT(read_text_file(path("dann/log.txt")), HasSubstr("target: 64 training images without labels, 50 test"));
  EXPECT_THAT(read_text_file(path("dann/config.toml")), HasSubstr("\nadapt_weight = 1\n")) << "resolved";
  succeed(train + "--epochs 1 --out " + path("none"));

  const std::string both = path("dann") + " " + path("none");
  EXPECT_THAT(succeed("compare " + both), AllOf(HasSubstr("\ntarget top-1 (%)"), HasSubstr("\nadapt ")));
  const auto runs = nlohmann::json::parse(succeed("compare --json " + both)).at("runs");
  // The file gives the target accuracy of the table, with its own statistics and data set.
  for (const auto& run : runs) {
    const std::string checkpoint = run.at("run").get<std::string>() + "/target.safetensors";
    const auto eval = nlohmann::json::parse(succeed("eval --json --limit 50 " + checkpoint));
    EXPECT_EQ(eval.at("dataset"), "sample-shifted");
    EXPECT_NEAR(100 * eval.at("top1").get<double>(), run.at("last_target_top1").get<double>(), 1e-9);
  }

  succeed("train --resume " + path("dann"));
  EXPECT_THAT(fail("train --resume " + path("dann") + " --adapt mmd"), HasSubstr("--adapt"));
  EXPECT_THAT(succeed(train + "--adapt coral --dry-run"),
              AllOf(HasSubstr("# target: 64 training images without labels"), HasSubstr("\nadapt = ")));
  EXPECT_THAT(fail("train --model resnet-8 --target sample-shifted --adapt mmd --train-limit 32 --batch 64 --dry-run"),
              HasSubstr("smaller batch"));
  const std::string staged = "train --model nonresnet-8" + train.substr(train.find(" --target"));
  EXPECT_THAT(succeed(staged + "--start short-resnet-8 --skips-a-stage 3 --epochs 2 --out " + path("staged")),
              HasSubstr("staged/target.safetensors"));
  EXPECT_TRUE(std::filesystem::exists(path("staged/target.safetensors")));
  EXPECT_THAT(succeed(train + "--epochs 0 --out " + path("untrained")), Not(HasSubstr("target.safetensors")));
  EXPECT_THAT(fail("train --adapt coral --out " + path("c")), HasSubstr("none without a target"));
  EXPECT_THAT(fail("train --target cifar100 --out " + path("c")), HasSubstr("it has 100"));
  EXPECT_FALSE(std::filesystem::exists(path("c")));
}

}  // namespace
}  // namespace odenet
