#include "spec/network_spec.h"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "core/error.h"
#include "spec/zoo.h"

namespace odenet {
namespace {

using testing::HasSubstr;
using testing::ThrowsMessage;

TEST(NetworkSpec, JsonRoundTrip) {
  for (const Family& family : families()) {
    const NetworkSpec spec = make_spec(fmt::format("{}-32", family.name), 100, 2.5);
    EXPECT_EQ(parse_spec(dump_spec(spec), "test"), spec);
  }
}

TEST(NetworkSpec, SkipsOfEachBlock) {
  NetworkSpec spec = make_spec("short-resnet-b-20", 10);
  spec.stages[0].skips[0] = Skip::kNone;
  spec.stages[1].skips[0] = Skip::kNone;
  spec.stages[2].norm = NormKind::kInstance;
  EXPECT_EQ(parse_spec(dump_spec(spec), "test"), spec);
  EXPECT_EQ(skip_count(spec), 7);
  EXPECT_FALSE(spec.stages[1].projects(0));
  EXPECT_TRUE(spec.stages[3].projects(0));
}

TEST(NetworkSpec, FilesWithoutTheNewerKeysArePlainResidualBlocks) {
  nlohmann::json json = make_spec("resnet-20", 10);
  for (auto& stage : json["stages"])
    for (const char* key : {"body", "shortcut", "norm", "skips"}) stage.erase(key);
  EXPECT_EQ(parse_spec(json.dump(), "old.safetensors"), make_spec("resnet-20", 10));
}

TEST(NetworkSpec, BlockNamesAreTensorPrefixes) {
  EXPECT_EQ(block_name(make_spec("resnet-20", 10).stages[0], 2), "layer1.2");
}

TEST(NetworkSpec, ConvolutionSizes) {
  EXPECT_EQ(conv_size(32, 1), 32);
  EXPECT_EQ(conv_size(32, 2), 16);
  EXPECT_EQ(conv_size(7, 2), 4);
}

struct Damage {
  const char* what;
  void (*apply)(nlohmann::json&);
  const char* message;
};

class DamagedSpec : public testing::TestWithParam<Damage> {};

TEST_P(DamagedSpec, IsAnError) {
  nlohmann::json json = make_spec("biased-odenet-20", 10);
  GetParam().apply(json);
  EXPECT_THAT([&] { parse_spec(json.dump(), "net.safetensors"); },
              ThrowsMessage<Error>(testing::AllOf(HasSubstr("net.safetensors"), HasSubstr(GetParam().message))));
}

INSTANTIATE_TEST_SUITE_P(
    Each, DamagedSpec,
    testing::Values(Damage{"missing", [](auto& j) { j.erase("classes"); }, "classes"},
                    Damage{"type", [](auto& j) { j["stages"][0]["stride"] = "two"; }, "damaged"},
                    Damage{"range", [](auto& j) { j["classes"] = 0; }, "classes is 0"},
                    Damage{"stride", [](auto& j) { j["stages"][0]["stride"] = 3; }, "stride is 3"},
                    Damage{"chain", [](auto& j) { j["stages"][1]["in_channels"] = 8; }, "takes 8 channels"},
                    Damage{"ode", [](auto& j) { j["stages"][1]["ode"] = true; }, "changes the shape"},
                    Damage{"repeat", [](auto& j) { j["stages"][1]["blocks"] = 2; }, "changes the shape"},
                    Damage{"time", [](auto& j) { j["end_time"] = 0.0; }, "end_time"},
                    Damage{"body", [](auto& j) { j["stages"][0]["body"] = "dense"; }, "one of plain, separable"},
                    Damage{"shortcut", [](auto& j) { j["stages"][0]["shortcut"] = "c"; }, "one of pad, projection"},
                    Damage{"norm", [](auto& j) { j["stages"][0]["norm"] = "layer"; }, "one of batch, instance"},
                    Damage{"skip", [](auto& j) { j["stages"][0]["skips"] = {"long"}; }, "one of full, short, none"},
                    Damage{"skips",
                           [](auto& j) {
                             j["stages"][0]["skips"] = {"none", "none"};
                           },
                           "2 skips for 1 blocks"},
                    Damage{"ode_skip", [](auto& j) { j["stages"][3]["skips"] = {"none"}; }, "full skip"},
                    Damage{"executions", [](auto& j) { j["stages"][0]["executions"] = 2; }, "residual"}),
    [](const auto& test) { return test.param.what; });

TEST(NetworkSpec, TextThatIsNoJson) {
  EXPECT_THAT([] { parse_spec("{", "net.safetensors"); }, ThrowsMessage<Error>(HasSubstr("damaged network spec")));
}

}  // namespace
}  // namespace odenet
