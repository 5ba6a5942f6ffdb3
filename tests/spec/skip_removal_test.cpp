#include "spec/skip_removal.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "spec/zoo.h"
#include "support/expect_error.h"

namespace odenet {
namespace {

using ::testing::ElementsAre;

std::vector<std::string> letters_of(const std::vector<NetworkSpec>& path) {
  std::vector<std::string> letters;
  for (const NetworkSpec& spec : path) letters.push_back(skip_letters(spec));
  return letters;
}

std::vector<std::string> path(const char* from, const char* to, RemovalOptions options = {}) {
  return letters_of(removal_path(make_spec(from, 10), make_spec(to, 10), options));
}

TEST(SkipLetters, OneForEachResidualBlock) {
  EXPECT_EQ(skip_letters(make_spec("resnet-20", 10)), "fffffffff");
  EXPECT_EQ(skip_letters(make_spec("short-resnet-b-14", 10)), "ssssss");
  EXPECT_EQ(skip_letters(make_spec("nonresnet-8", 10)), "nnn");
  EXPECT_EQ(skip_letters(make_spec("mixed-odenet-20", 10)), "fffffff") << "layer3_2 is an ODEBlock";
}

TEST(SkipLetters, ChangeTheSkipsAndNothingElse) {
  const NetworkSpec spec = make_spec("resnet-14", 10);
  const NetworkSpec changed = with_skips(spec, "nnsnsf");
  EXPECT_EQ(skip_letters(changed), "nnsnsf");
  EXPECT_EQ(skip_count(changed), 3);
  EXPECT_EQ(with_skips(changed, "ffffff"), spec);
  EXPECT_EQ(with_skips(spec, "nnnnnn").stages, make_spec("nonresnet-14", 10).stages);
  EXPECT_EQ(parse_spec(dump_spec(changed), "test"), changed);
}

TEST(SkipLetters, ErrorsSayWhatIsExpected) {
  const NetworkSpec spec = make_spec("resnet-8", 10);
  for (const char* letters : {"", "ff", "ffff", "fxf"})
    EXPECT_ERROR(with_skips(spec, letters), "3 letters", "resnet-8");
}

TEST(RemovalPath, AlgorithmOne) {
  EXPECT_THAT(path("short-resnet-20", "nonresnet-20"), ElementsAre("nnnssssss", "nnnnnnsss", "nnnnnnnnn"));
}

TEST(RemovalPath, EachNumberAtATime) {
  for (int at_a_time = 1; at_a_time <= 20; ++at_a_time) {
    const auto letters = path("short-resnet-20", "nonresnet-20", {.at_a_time = at_a_time});
    ASSERT_EQ(std::ssize(letters), (9 + at_a_time - 1) / at_a_time);
    for (size_t i = 0; i < letters.size(); ++i) {
      const size_t removed = std::min<size_t>(9, (i + 1) * static_cast<size_t>(at_a_time));
      EXPECT_EQ(letters[i], std::string(removed, 'n') + std::string(9 - removed, 's'));
    }
  }
}

TEST(RemovalPath, FullSkipsBecomeShortFirst) {
  EXPECT_THAT(path("resnet-14", "nonresnet-14"), ElementsAre("ssssss", "nnnsss", "nnnnnn"));
  EXPECT_THAT(path("resnet-14", "nonresnet-14", {.shorten = false}), ElementsAre("nnnfff", "nnnnnn"));
  EXPECT_THAT(path("resnet-14", "short-resnet-14"), ElementsAre("ssssss"));
  EXPECT_THAT(path("resnet-14", "short-resnet-14", {.shorten = false}), ElementsAre("ssssss"));
  EXPECT_THAT(path("resnet-14", "resnet-14"), ElementsAre());
}

TEST(RemovalPath, TheTargetMayKeepSkips) {
  const NetworkSpec from = make_spec("resnet-14", 10);
  EXPECT_THAT(letters_of(removal_path(from, with_skips(from, "nnfsfn"), {.at_a_time = 2})),
              ElementsAre("ssfsfs", "nnfsfs", "nnfsfn"));
}

TEST(RemovalPath, ProjectionsStayUntilTheirSkipGoes) {
  const NetworkSpec to = make_spec("nonresnet-20", 10);
  const auto networks = removal_path(make_spec("resnet-b-20", 10), to, {});
  ASSERT_EQ(networks.size(), 4u);
  std::vector<int> projections;
  for (const NetworkSpec& spec : networks) {
    projections.push_back(0);
    for (const Stage& stage : spec.stages) projections.back() += stage.projects(0);
  }
  EXPECT_THAT(projections, ElementsAre(2, 2, 1, 0)) << "layer2_1 is the fourth block, layer3_1 the seventh";
  EXPECT_EQ(networks.back(), to);
}

TEST(RemovalPath, NetworksThatDifferOtherwiseAreRefused) {
  const auto refused = [](const char* from, const char* to, const char* why, int classes = 10) {
    EXPECT_ERROR(removal_path(make_spec(from, 10), make_spec(to, classes), {}), to, from, why);
  };
  refused("resnet-20", "nonresnet-14", "layer1");
  refused("resnet-20", "nonresnet-20", "10 classes and 100", 100);
  refused("nonresnet-20", "short-resnet-20", "would grow");
  refused("short-resnet-20", "resnet-20", "would grow");
  refused("resnet-b-20", "short-resnet-20", "kind of shortcut");
  refused("odenet-20", "nonresnet-20", "layer1");
}

TEST(ZooName, FindsTheFamily) {
  EXPECT_EQ(zoo_name(with_skips(make_spec("resnet-20", 10), "sssssssss")), "short-resnet-20");
  EXPECT_EQ(zoo_name(with_skips(make_spec("resnet-b-20", 10), "sssssssss")), "short-resnet-b-20");
  EXPECT_EQ(zoo_name(with_skips(make_spec("resnet-20", 10), "nnnnnnnnn")), "nonresnet-20");
  EXPECT_EQ(zoo_name(with_skips(make_spec("resnet-20", 10), "nnnssssss")), "");
  for (const Family& family : families()) {
    const NetworkSpec spec = make_spec(fmt::format("{}-{}", family.name, family.min_depth), 10);
    EXPECT_EQ(make_spec(zoo_name(spec), 10).stages, spec.stages) << spec.model;
  }
}

}  // namespace
}  // namespace odenet
