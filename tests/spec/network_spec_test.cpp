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
                    Damage{"executions", [](auto& j) { j["stages"][0]["executions"] = 2; }, "residual"}),
    [](const auto& test) { return test.param.what; });

TEST(NetworkSpec, TextThatIsNoJson) {
  EXPECT_THAT([] { parse_spec("{", "net.safetensors"); }, ThrowsMessage<Error>(HasSubstr("damaged network spec")));
}

}  // namespace
}  // namespace odenet
