#include "train/stages.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "spec/skip_removal.h"
#include "spec/zoo.h"
#include "support/expect_error.h"

namespace odenet::train {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TrainConfig nonresnet(const char* start) {
  TrainConfig config;
  config.model = "nonresnet-20";
  config.start = start;
  config.epochs = 30;
  return config;
}

std::vector<std::string> names(const std::vector<TrainingStage>& stages) {
  std::vector<std::string> list;
  for (const TrainingStage& stage : stages) list.push_back(stage.name);
  return list;
}

template <typename T>
std::vector<T> each(const std::vector<TrainingStage>& stages, T TrainConfig::*member) {
  std::vector<T> values;
  for (const TrainingStage& stage : stages) values.push_back(stage.config.*member);
  return values;
}

std::vector<TrainingStage> plan(const TrainConfig& config, const std::optional<NetworkSpec>& teacher = {}) {
  validate(config);
  return plan_stages(resolve_stages(config, teacher), teacher);
}

TEST(PlanStages, AlgorithmOneFromRandomWeights) {
  const auto stages = plan(nonresnet("short-resnet-20"));
  EXPECT_THAT(names(stages), ElementsAre("1-short-resnet-20", "2-short-resnet-20-6-skips", "3-short-resnet-20-3-skips",
                                         "4-nonresnet-20"));
  EXPECT_THAT(each(stages, &TrainConfig::skips), ElementsAre("", "nnnssssss", "nnnnnnsss", ""));
  EXPECT_THAT(each(stages, &TrainConfig::epochs), ElementsAre(7, 7, 8, 8));
}

TEST(PlanStages, EachConfigBuildsItsNetworkAndIsValid) {
  for (const char* start : {"resnet-20", "short-resnet-20", "resnet-b-20", "short-resnet-b-20"})
    for (const int64_t at_a_time : {1, 2, 3, 9})
      for (const bool shorten : {true, false}) {
        TrainConfig config = nonresnet(start);
        config.skips_a_stage = at_a_time;
        config.shorten = shorten;
        config.distillation = "tailor";
        for (TrainingStage& stage : plan(config)) {
          SCOPED_TRACE(stage.name);
          EXPECT_EQ(network_spec(stage.config), stage.spec);
          EXPECT_FALSE(needs_stages(stage.config));
          if (stage.config.distillation != "none") stage.config.teacher = "somewhere";
          EXPECT_NO_THROW(validate(stage.config));
        }
      }
}

TEST(PlanStages, FromAResNetThereIsAStageThatShortens) {
  const auto stages = plan(nonresnet("resnet-b-20"));
  EXPECT_THAT(names(stages), ElementsAre("1-resnet-b-20", "2-short-resnet-b-20", "3-short-resnet-b-20-6-skips",
                                         "4-short-resnet-b-20-3-skips", "5-nonresnet-20"));
  TrainConfig direct = nonresnet("resnet-20");
  direct.shorten = false;
  EXPECT_THAT(names(plan(direct)),
              ElementsAre("1-resnet-20", "2-resnet-20-6-skips", "3-resnet-20-3-skips", "4-nonresnet-20"));
}

TEST(PlanStages, ATeacherHandsItsWeightsOn) {
  TrainConfig config = nonresnet("auto");
  config.teacher = "runs/teacher";
  EXPECT_THAT(names(plan(config, make_spec("short-resnet-20", 10))),
              ElementsAre("1-short-resnet-20-6-skips", "2-short-resnet-20-3-skips", "3-nonresnet-20"));
  EXPECT_THAT(names(plan(config, make_spec("resnet-20", 10))).front(), "1-short-resnet-20");
  EXPECT_EQ(resolve_stages(config, make_spec("resnet-20", 10)).start, "teacher");
  config.model = "short-resnet-20";
  EXPECT_THAT(names(plan(config, make_spec("resnet-20", 10))), ElementsAre("1-short-resnet-20"));
}

TEST(PlanStages, AnotherTeacherOnlyDistils) {
  TrainConfig config = nonresnet("auto");
  config.teacher = "runs/teacher";
  config.distillation = "kd";
  EXPECT_THAT(plan(config, make_spec("resnet-56", 10)), IsEmpty());
  EXPECT_THAT(plan(config, make_spec("nonresnet-20", 10)), IsEmpty()) << "the same network begins anew";
  EXPECT_EQ(resolve_stages(config, make_spec("resnet-56", 10)).start, "model");
  config.start = "teacher";
  EXPECT_THAT(names(plan(config, make_spec("nonresnet-20", 10))), ElementsAre("1-nonresnet-20"));
  config.distillation = "none";
  config.start = "auto";
  EXPECT_ERROR(plan(config, make_spec("resnet-56", 10)), "of no use", "resnet-56", "layer1");
  EXPECT_ERROR(plan(config, make_spec("nonresnet-20", 10)), "of no use");
}

TEST(PlanStages, WithoutATeacherAndAStartThereAreNone) {
  EXPECT_THAT(plan(nonresnet("auto")), IsEmpty());
  EXPECT_THAT(plan(nonresnet("model")), IsEmpty());
  EXPECT_THAT(plan(nonresnet("nonresnet-20")), IsEmpty());
  EXPECT_EQ(resolve_stages(nonresnet("auto")).start, "model");
}

TEST(PlanStages, EachHasTheWholeScheduleInItsEpochs) {
  TrainConfig config = nonresnet("short-resnet-20");
  config.schedule = "step";
  config.warmup_epochs = 3;
  config.milestones = {15, 22.5};
  config.stage_epochs = {10, 5, 5, 10};
  config.stage_lr = {0.4, 0.1, 0.1, 0.05};
  const auto stages = plan(config);
  EXPECT_THAT(each(stages, &TrainConfig::epochs), ElementsAre(10, 5, 5, 10));
  EXPECT_THAT(each(stages, &TrainConfig::lr), ElementsAre(0.4, 0.1, 0.1, 0.05));
  EXPECT_THAT(each(stages, &TrainConfig::warmup_epochs), ElementsAre(1, 0.5, 0.5, 1));
  EXPECT_THAT(stages[1].config.milestones, ElementsAre(2.5, 3.75));
  EXPECT_THAT(each(stages, &TrainConfig::seed), ElementsAre(1, 1001, 2001, 3001));
  EXPECT_EQ(epochs_before_model(resolve_stages(config)), 20);
}

TEST(PlanStages, TheFirstStageIsTheTeacherWhereThereIsNone) {
  TrainConfig config = nonresnet("resnet-20");
  config.distillation = "kd";
  EXPECT_THAT(each(plan(config), &TrainConfig::distillation), ElementsAre("none", "kd", "kd", "kd", "kd"));
  config.teacher = "runs/large";
  EXPECT_THAT(each(plan(config, make_spec("resnet-56", 10)), &TrainConfig::distillation),
              ElementsAre("kd", "kd", "kd", "kd", "kd"));
}

TEST(ValidateStages, ErrorsNameWhatIsExpected) {
  const auto refused = [](const char* start, std::initializer_list<std::pair<const char*, const char*>> settings,
                          const std::string& part) {
    TrainConfig config = nonresnet(start);
    for (const auto& [name, value] : settings) set_field(config, name, value);
    EXPECT_ERROR(validate(config), part);
  };
  refused("resnet-14", {}, "nonresnet-20 is not resnet-14");
  refused("resnet-21", {}, "the valid N");
  refused("imagenet", {}, "unknown model 'imagenet'");
  refused("teacher", {}, "a teacher to be given");
  refused("teacher", {{"teacher", "a"}, {"weights", "b"}}, "weights is 'b'");
  refused("resnet-20", {{"weights", "b"}}, "weights is 'b'");
  refused("resnet-20", {{"teacher", "a"}}, "nothing else uses it");
  refused("model", {{"teacher", "a"}}, "nothing else uses it");
  refused("auto", {{"distillation", "kd"}}, "or a teacher");
  refused("model", {{"distillation", "kd"}}, "or a teacher");
  refused("auto", {{"distillation", "soft"}}, "none, tailor, kd");
  refused("auto", {{"temperature", "0"}}, "temperature is '0'");
  refused("auto", {{"distillation_weight", "1.5"}}, "0 to 1");
  refused("auto", {{"skips_a_stage", "0"}}, "skips_a_stage is '0'");
  refused("auto", {{"skips", "nnn"}}, "9 letters");
  refused("resnet-20", {{"stage_epochs", "1,2"}}, "stage_epochs has 2 values, expected one for each of the 5 stages");
  refused("resnet-20", {{"stage_epochs", "1,2,3,4,5"}}, "together 15, but epochs is 30");
  refused("resnet-20", {{"stage_epochs", "1.5"}}, "whole numbers");
  refused("resnet-20", {{"stage_lr", "1,2"}}, "stage_lr has 2 values");
  refused("resnet-20", {{"stage_lr", "0"}}, "more than 0");
  refused("resnet-20", {{"epochs", "4"}}, "one or more for each of the 5 stages");
  refused("model", {{"stage_epochs", "30"}}, "none without stages");
}

TEST(ValidateStages, TheNumberOfStagesIsCheckedOnceTheTeacherIsKnown) {
  TrainConfig config = nonresnet("auto");
  config.teacher = "a";
  config.stage_epochs = {10, 10, 10};
  EXPECT_NO_THROW(plan(config, make_spec("short-resnet-20", 10)));
  EXPECT_ERROR(plan(config, make_spec("resnet-20", 10)), "stage_epochs has 3 values", "4 stages");
}

}  // namespace
}  // namespace odenet::train
