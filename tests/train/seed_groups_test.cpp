#include "train/seed_groups.h"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "support/expect_error.h"

namespace odenet::train {
namespace {

using ::testing::ContainsRegex;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

RunSummary run(const std::string& name, int64_t seed, double top1, double lr = 0.1) {
  RunSummary summary;
  summary.name = name;
  summary.record.config.epochs = 1;
  summary.record.config.lr = lr;
  summary.record.config.seed = seed;
  const EpochResult result{.epoch = 1, .test_loss = 0.5, .test_top1 = top1, .test_top5 = 99};
  summary.record.results = {result};
  summary.best = summary.last = result;
  return summary;
}

TEST(Spread, OfASample) {
  const Spread three = spread(std::vector{85.0, 86.0, 90.0});
  EXPECT_EQ(three.count, 3);
  EXPECT_DOUBLE_EQ(three.mean, 87);
  EXPECT_DOUBLE_EQ(three.deviation, std::sqrt(7.0));  // (4 + 1 + 9) / 2
  EXPECT_EQ(spread(std::vector{4.5}).mean, 4.5);
  EXPECT_EQ(spread(std::vector{4.5}).deviation, 0);
}

TEST(SeedGroups, RunsThatDifferInTheSeedAlone) {
  RunSummary elsewhere = run("c", 3, 90);
  elsewhere.record.config.data_dir = "/elsewhere";
  elsewhere.record.config.threads = 7;
  elsewhere.record.config.test_every = 5;
  elsewhere.record.config.checkpoint_minutes = 1;
  const SeedGroups groups =
      group_seeds(std::vector{run("a", 1, 85), run("other", 1, 70, 0.2), run("b", 2, 86), elsewhere});
  ASSERT_EQ(groups.groups.size(), 2u);
  EXPECT_EQ(groups.groups[0].size(), 3u);
  EXPECT_EQ(groups.groups[1].front().name, "other");
  ASSERT_EQ(groups.differing.size(), 1u) << "not the seed, nor where the data are";
  EXPECT_EQ(groups.differing[0]->name, "lr");

  const std::string text = groups_text(groups);
  EXPECT_THAT(text, ContainsRegex("^model +data set +lr +runs +last top-1 \\(%\\) +best top-1"));
  EXPECT_THAT(text, HasSubstr("  0.1     3    87.00 ± 2.65    87.00 ± 2.65"));
  EXPECT_THAT(text, ContainsRegex("  0.2 +1 +70.00 +70.00 +99.00 +0.5000\n$"));
  EXPECT_THAT(text, Not(HasSubstr("target")));
  EXPECT_THAT(text, Not(HasSubstr("rollout")));

  const auto json = groups_json(groups);
  EXPECT_THAT(json["groups"][0]["runs"], ElementsAre("a", "b", "c"));
  EXPECT_THAT(json["groups"][0]["seeds"], ElementsAre(1, 2, 3));
  EXPECT_EQ(json["groups"][0]["lr"], 0.1);
  EXPECT_EQ(json["groups"][0]["last_top1"]["mean"], 87);
  EXPECT_FALSE(json["groups"][0].contains("last_target_top1"));
}

TEST(SeedGroups, RunsInProgressAreLeftOutAndNamed) {
  RunSummary begun = run("begun", 2, 10);
  begun.record.config.epochs = 30;
  const SeedGroups groups = group_seeds(std::vector{begun, run("a", 1, 85)});
  EXPECT_EQ(groups.groups.size(), 1u);
  EXPECT_THAT(groups_text(groups), HasSubstr("\nleft out, no result of a last epoch: begun, 1 of 30 epochs\n"));
  EXPECT_THAT(groups_json(groups)["unfinished"], ElementsAre("begun"));
  EXPECT_EQ(groups_text(group_seeds(std::vector{begun})), "left out, no result of a last epoch: begun, 1 of 30 epochs\n");
}

TEST(SeedGroups, TargetsAndDynamicSystems) {
  std::vector runs{run("a", 1, 85), run("b", 2, 86), run("c", 1, 0)};
  for (RunSummary* adapted : {&runs[0], &runs[1]}) {
    adapted->record.config.target = "usps";
    adapted->last->has_target = true;
    adapted->last->target_top1 = adapted->record.config.seed == 1 ? 50 : 52;
  }
  runs[2].record.config.dataset = "lotka-volterra";
  runs[2].last->dynamics = true;
  runs[2].last->rollout_error = 0.125;
  runs[2].best = runs[2].last;
  const std::string text = groups_text(group_seeds(runs));
  EXPECT_THAT(text, ContainsRegex("data set +target +runs .*target top-1 \\(%\\).*last rollout error\n"));
  EXPECT_THAT(text, ContainsRegex(" usps +2 .* 51.00 ± 1.41 +0.5000 ± 0.0000 +-\n"));
  EXPECT_THAT(text, ContainsRegex("lotka-volterra +- +1 +- +- +- +- +0.5000 +0.1250\n$"));
}

TEST(SeedGroups, NoRunCountsTwice) {
  EXPECT_ERROR(group_seeds(std::vector{run("runs/a", 4, 85), run("runs/b", 4, 85)}), "runs/a and runs/b", "seed, 4");
}

}  // namespace
}  // namespace odenet::train
