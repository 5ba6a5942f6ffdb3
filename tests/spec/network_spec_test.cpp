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

// The JSON of a Biased-ODENet with adaptive steps.
nlohmann::json with_steps(const char* solver, const char* controller) {
  return with_adaptive_steps(with_solver(make_spec("biased-odenet-20", 10), solver, 0), {.controller = controller});
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
                    Damage{"type", [](auto& j) { j["stages"][0]["stride"] = "two"; }, "stride is \"two\""},
                    Damage{"object", [](auto& j) { j["stages"][0] = 1; }, "damaged"},
                    Damage{"fraction", [](auto& j) { j["classes"] = 10.5; }, "classes is 10.5"},
                    Damage{"wide", [](auto& j) { j["height"] = 4294967328; }, "height is 4294967328"},
                    Damage{"huge", [](auto& j) { j["width"] = 18446744073709551615u; }, "expected a whole number"},
                    Damage{"blocks",
                           [](auto& j) {
                             for (int i = 0; i < 11; ++i) {
                               j["stages"].push_back(j["stages"].back());
                               j["stages"].back()["blocks"] = 1000;
                             }
                           },
                           "more than 10000 blocks"},
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
                    Damage{"executions", [](auto& j) { j["stages"][0]["executions"] = 2; }, "residual"},
                    Damage{"solver", [](auto& j) { j["stages"][3]["solver"] = "rk5"; }, "unknown solver 'rk5'"},
                    Damage{"no_ode_solver", [](auto& j) { j["stages"][0]["solver"] = "midpoint"; }, "no ODEBlock"},
                    Damage{"solver_executions", [](auto& j) { j["stages"][3]["solver"] = "rk4"; },
                           "6 executions, expected 4 for each step of solver 'rk4'"},
                    Damage{"leapfrog",
                           [](auto& j) {
                             j["stages"][3]["solver"] = "leapfrog";
                             j["stages"][3]["executions"] = 1;
                           },
                           "and one before"},
                    Damage{"adaptive_executions",
                           [](auto& j) {
                             j = with_steps("heun-euler", "pi");
                             j["stages"][3]["executions"] = 6;
                           },
                           "adaptive steps and 6 executions, expected 1"},
                    Damage{"adaptive_residual",
                           [](auto& j) {
                             j = with_steps("heun-euler", "pi");
                             j["stages"][0]["adaptive"] = j["stages"][3]["adaptive"];
                           },
                           "no ODEBlock and has adaptive steps"},
                    Damage{"adaptive_solver",
                           [](auto& j) {
                             j = with_steps("heun-euler", "pi");
                             j["stages"][3]["solver"] = "euler";
                           },
                           "no error estimate"},
                    Damage{"controller",
                           [](auto& j) {
                             j = with_steps("heun-euler", "pi");
                             j["stages"][3]["adaptive"]["controller"] = "pd";
                           },
                           "unknown step controller 'pd'"}),
    [](const auto& test) { return test.param.what; });

TEST(NetworkSpec, AnotherSolverExecutesTheSameStepsMoreOften) {
  const NetworkSpec euler = make_spec("odenet-20", 10);  // 3, 2 and 2 steps
  EXPECT_EQ(with_solver(euler, "euler", 0), euler);
  const NetworkSpec rk4 = with_solver(euler, "rk4", 0);
  EXPECT_EQ(rk4.stages[0].executions, 12);
  EXPECT_EQ(steps(rk4.stages[0]), 3);
  EXPECT_EQ(rk4.step_size(rk4.stages[0]), euler.step_size(euler.stages[0]));
  EXPECT_EQ(rk4.stages[1], euler.stages[1]) << "no ODEBlock";
  EXPECT_EQ(parameter_count(rk4), parameter_count(euler));
  EXPECT_GT(mac_count(rk4), mac_count(euler));
  const NetworkSpec leapfrog = with_solver(rk4, "leapfrog", 5);
  EXPECT_EQ(leapfrog.stages[0].executions, 6);
  EXPECT_EQ(steps(leapfrog.stages[0]), 5);
  EXPECT_EQ(parse_spec(dump_spec(leapfrog), "net"), leapfrog);
  EXPECT_EQ(with_solver(leapfrog, "", 7), with_solver(rk4, "leapfrog", 7));
  EXPECT_EQ(with_solver(leapfrog, "euler", 3).stages[0], euler.stages[0]);
}

TEST(NetworkSpec, AdaptiveStepsHaveOneSetOfStatisticsAndEndWithFixedOnes) {
  const NetworkSpec euler = make_spec("odenet-20", 10), pair = with_solver(euler, "heun-euler", 0);
  EXPECT_EQ(with_adaptive_steps(euler, {}), euler);
  const AdaptiveSteps steps{
      .controller = "slope", .rtol = 0, .atol = 1e-6, .first_step = 0.25, .accepts = 2, .rejects = 4, .window = 8};
  const NetworkSpec adaptive = with_adaptive_steps(pair, steps);
  EXPECT_TRUE(is_adaptive(adaptive));
  EXPECT_FALSE(is_adaptive(pair));
  for (const Stage& stage : adaptive.stages) {
    EXPECT_EQ(stage.executions, 1);
    EXPECT_EQ(stage.steps, stage.ode ? steps : AdaptiveSteps());
  }
  EXPECT_EQ(parse_spec(dump_spec(adaptive), "net"), adaptive);
  EXPECT_EQ(parameter_count(adaptive), parameter_count(euler));
  EXPECT_EQ(with_solver(adaptive, "dormand-prince", 0).stages[0].steps, steps);
  EXPECT_EQ(with_solver(adaptive, "euler", 3).stages[0], euler.stages[0]);
  EXPECT_THAT([&] { with_solver(adaptive, "euler", 0); }, ThrowsMessage<Error>(HasSubstr("no error estimate")));
}

TEST(NetworkSpec, AdaptiveStepsThatDoNotFitAreRefused) {
  const NetworkSpec ode = with_solver(make_spec("odenet-20", 10), "heun-euler", 0), plain = make_spec("resnet-20", 10);
  const auto refused = [](const NetworkSpec& spec, const AdaptiveSteps& steps, const char* why) {
    EXPECT_THAT([&] { with_adaptive_steps(spec, steps); }, ThrowsMessage<Error>(HasSubstr(why))) << why;
  };
  refused(plain, {.controller = "pi"}, "no ODEBlock");
  refused(make_spec("odenet-20", 10), {.controller = "pi"}, "'euler' has no error estimate");
  refused(ode, {.controller = "pd"}, "unknown step controller 'pd'");
  refused(ode, {.controller = "pi", .rtol = -1}, "rtol of adaptive steps is -1");
  refused(ode, {.controller = "pi", .rtol = 0, .atol = 0}, "atol of adaptive steps is 0");
  refused(ode, {.controller = "pi", .first_step = 0}, "first_step");
  refused(ode, {.controller = "slope", .accepts = 0}, "accepts");
  refused(ode, {.controller = "slope", .rejects = 0}, "rejects");
  refused(ode, {.controller = "pi", .window = -1}, "window");
}

TEST(NetworkSpec, SolversThatDoNotFitAreRefused) {
  const NetworkSpec ode = make_spec("odenet-20", 10), plain = make_spec("resnet-20", 10);
  EXPECT_THAT([&] { with_solver(ode, "rk5", 0); }, ThrowsMessage<Error>(HasSubstr("unknown solver 'rk5'")));
  EXPECT_THAT([&] { with_solver(ode, "euler", -1); }, ThrowsMessage<Error>(HasSubstr("steps is -1")));
  EXPECT_THAT([&] { with_solver(ode, "rk4", 257); }, ThrowsMessage<Error>(HasSubstr("1028 times")));
  EXPECT_THAT([&] { with_solver(plain, "rk4", 0); }, ThrowsMessage<Error>(HasSubstr("no ODEBlock")));
  EXPECT_EQ(with_solver(plain, "euler", 0), plain);
}

TEST(NetworkSpec, TextThatIsNoJson) {
  EXPECT_THAT([] { parse_spec("{", "net.safetensors"); }, ThrowsMessage<Error>(HasSubstr("damaged network spec")));
}

}  // namespace
}  // namespace odenet
