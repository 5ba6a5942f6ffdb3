#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "cli/program.h"

namespace odenet {
namespace {

using ::testing::HasSubstr;

TEST(Info, JsonAddsUp) {
  for (const char* model : {"ResNet-20", "odenet-32", "mixed-odenet-44", "biased-odenet-56", "rodenet-1+2-20"}) {
    const auto json = nlohmann::json::parse(succeed(std::string("info --json --classes 100 ") + model));
    int64_t parameters = 0, macs = 0;
    for (const auto& layer : json.at("layers")) {
      parameters += layer.at("parameters").get<int64_t>();
      macs += layer.at("macs").get<int64_t>();
    }
    EXPECT_EQ(json.at("parameters"), parameters);
    EXPECT_EQ(json.at("macs"), macs);
    EXPECT_EQ(json.at("bytes"), 4 * parameters);
    EXPECT_EQ(json.at("classes"), 100);
  }
}

TEST(Info, TableShowsTheSizesOfThePaper) {
  const std::string text = succeed("info biased-odenet-20 --classes 100");
  for (const char* part : {"layer3_2", "1 / 6 ODE", "300544", "625104"}) EXPECT_THAT(text, HasSubstr(part));
}

TEST(Info, ComparesTheParametersOfTwoModels) {
  const std::string text = succeed("info dsodenet-20 --classes 100 --against odenet-20");
  EXPECT_THAT(text, HasSubstr("layer3_2                           9728              75136   -87.1 %"));
  EXPECT_THAT(text, HasSubstr("total                             89908             175700   -48.8 %"));
  EXPECT_THAT(text, HasSubstr("without conv1 and fc              82944             168736   -50.8 %"));
  // A layer that only one of them has.
  EXPECT_THAT(succeed("info odenet-20 --against biased-odenet-20"),
              HasSubstr("layer2_2                          19136                   "));
  EXPECT_THAT(fail("info odenet-20 --json --against resnet-20"), HasSubstr("--against"));
}

TEST(Info, InvalidModelsListTheValidOnes) {
  EXPECT_THAT(fail("info vgg-16"), HasSubstr("biased-odenet-N"));
  EXPECT_THAT(fail("info resnet-21"), HasSubstr("8, 14, 20, 26"));
}

TEST(Program, WithoutOrWithUnknownCommandFails) {
  EXPECT_THAT(fail(""), HasSubstr("subcommand"));
  fail("fly");
  EXPECT_THAT(succeed("--help"), HasSubstr("export-fpga"));
}

}  // namespace
}  // namespace odenet
