// A whole network as one program: images in, logits out, as fixed::Runner gives them in every bit.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/compiler.h"
#include "engine/cycles.h"
#include "engine/model.h"
#include "fixed/formats_text.h"
#include "fixed/runner.h"
#include "program_bench.h"
#include "support/engine_network.h"
#include "support/expect_error.h"

namespace odenet::engine {
namespace {

using ::testing::HasSubstr;

struct Case {
  std::string name;
  std::function<void(NetworkSpec&)> change = [](NetworkSpec&) {};
  Lanes lanes{2, 4};
  std::string activations{}, weights{};  // formats; empty: Q20
};

void PrintTo(const Case& c, std::ostream* out) { *out << c.name; }

void set_skips(NetworkSpec& spec, Skip skip, Shortcut shortcut) {
  for (Stage& stage : spec.stages) {
    stage.shortcut = shortcut;
    if (!stage.ode) stage.skips.assign(static_cast<size_t>(stage.blocks), skip);
  }
}

// Residual blocks without and with stride 2, an ODEBlock, and a further stage with stride 2 whose output comes before
// its input in map 0.
NetworkSpec network_spec(const Case& c) {
  NetworkSpec spec = odenet::testing::small_spec();
  spec.height = spec.width = 16;
  spec.stages.push_back({.name = "layer3_1", .in_channels = 8, .channels = 16, .stride = 2});
  c.change(spec);
  return spec;
}

fixed::Network quantized(const Case& c, uint32_t seed = 1) {
  return fixed::quantize(odenet::testing::synthetic_checkpoint(network_spec(c), seed),
                         {.formats = fixed::formats_from(c.activations, c.weights)});
}

const std::vector<Case> kCases{
    {.name = "Residual"},
    {.name = "OneLane", .lanes = {1, 1}},
    {.name = "OnePixelLane", .lanes = {4, 1}},
    {.name = "MoreLanesThanClasses", .lanes = {4, 4}},
    {.name = "Projections", .change = [](NetworkSpec& spec) { set_skips(spec, Skip::kFull, Shortcut::kProjection); }},
    {.name = "ShortSkips", .change = [](NetworkSpec& spec) { set_skips(spec, Skip::kShort, Shortcut::kPad); }},
    {.name = "ShortProjections",
     .change = [](NetworkSpec& spec) { set_skips(spec, Skip::kShort, Shortcut::kProjection); }},
    {.name = "NoSkips", .change = [](NetworkSpec& spec) { set_skips(spec, Skip::kNone, Shortcut::kPad); }},
    {.name = "Separable",
     .change =
         [](NetworkSpec& spec) {
           for (Stage& stage : spec.stages) stage.body = Body::kSeparable;
         }},
    {.name = "InstanceNorms", .change = [](NetworkSpec& spec) { spec = with_norms(spec, NormKind::kInstance); }},
    {.name = "InstanceNormsAndProjections",
     .change =
         [](NetworkSpec& spec) {
           spec = with_norms(spec, NormKind::kInstance);
           set_skips(spec, Skip::kFull, Shortcut::kProjection);
         }},
    {.name = "Rk4", .change = [](NetworkSpec& spec) { spec = with_solver(spec, "rk4", 2); }},
    {.name = "Rk4AfterStride2",
     .change =
         [](NetworkSpec& spec) {
           spec.stages.push_back({.name = "layer3_2", .in_channels = 16, .channels = 16, .executions = 1, .ode = true});
           spec = with_solver(spec, "rk4", 2);
         }},
    {.name = "LastMapOf16Pixels", .change = [](NetworkSpec& spec) { spec.stages.pop_back(); }, .lanes = {1, 8}},
    {.name = "OneDsp", .activations = "16.9", .weights = "16.12"},
    {.name = "NarrowSeparable",
     .change =
         [](NetworkSpec& spec) {
           for (Stage& stage : spec.stages) stage.body = Body::kSeparable;
         },
     .activations = "16.9",
     .weights = "16.12"},
    {.name = "NarrowRk4",
     .change = [](NetworkSpec& spec) { spec = with_solver(spec, "rk4", 2); },
     .activations = "18.10",
     .weights = "18.14"},
    {.name = "AverageRoundedDownBefore", .activations = "24.18", .weights = "18.14"},  // sums have two bits more
    {.name = "TwelveBits", .activations = "12.6", .weights = "12.9"},                  // a logit is in three pixels
    {.name = "EightBits", .activations = "8.4", .weights = "8.6"},
};

int64_t count_of(const fixed::Runner& runner) {
  int64_t total = 0;
  for (const auto& layer : runner.saturations()) total += layer.count;
  return total;
}

class NetworkProgram : public ::testing::TestWithParam<Case> {};

TEST_P(NetworkProgram, GivesTheLogitsOfTheIntegerNetwork) {
  const Case& c = GetParam();
  for (const uint32_t seed : {1u, 2u}) {
    fixed::Runner runner(quantized(c, seed), 1);
    const Program program = compile(runner.network(), c.lanes);
    const auto images = odenet::testing::random_images(runner.network().spec, 1, 10 + seed);
    Model model(program);
    EXPECT_EQ(model.run(runner.input_activations(images)), runner.run(images));
    EXPECT_EQ(model.saturations(), count_of(runner));
  }
}

INSTANTIATE_TEST_SUITE_P(Engine, NetworkProgram, ::testing::ValuesIn(kCases),
                         [](const auto& info) { return info.param.name; });

class NetworkRtl : public ::testing::TestWithParam<Case> {};

TEST_P(NetworkRtl, EqualsTheModelInIcarus) {
  SKIP_WITHOUT("iverilog");
  const Case& c = GetParam();
  constexpr int kImages = 2;
  fixed::Runner runner(quantized(c), 1);
  const Program program = compile(runner.network(), c.lanes);
  const auto input = runner.input_activations(odenet::testing::random_images(runner.network().spec, kImages, 3));
  testing::ProgramBench bench;
  bench.prepare(program, input, kImages);
  bench.build_icarus();
  EXPECT_THAT(bench.run({"vvp", "icarus"}), HasSubstr(bench.expected()));
  EXPECT_THAT(bench.run({"vvp", "icarus"}, {"+stalls", "+seed=3", "+reset_after=5000"}), HasSubstr("PASS"));
}

INSTANTIATE_TEST_SUITE_P(Engine, NetworkRtl, ::testing::ValuesIn([] {
                           std::vector<Case> chosen;
                           for (Case c : kCases)
                             if (c.name == "MoreLanesThanClasses" || c.name == "TwelveBits" || c.name == "NarrowRk4") {
                               c.change = [change = c.change](NetworkSpec& spec) {
                                 change(spec);
                                 spec.stages.pop_back();
                                 spec.height = spec.width = 8;
                               };
                               chosen.push_back(std::move(c));
                             }
                           return chosen;
                         }()),
                         [](const auto& info) { return info.param.name; });

class NetworkLint : public ::testing::TestWithParam<Case> {};

TEST_P(NetworkLint, FindsNothing) {
  SKIP_WITHOUT("verilator");
  const fixed::Network net = quantized(GetParam());
  testing::ProgramBench bench;
  const Program program = compile(net, GetParam().lanes);
  bench.prepare(program, fixed::Runner(net, 1).input_activations(odenet::testing::random_images(net.spec, 1, 1)), 1);
  bench.lint();
}

INSTANTIATE_TEST_SUITE_P(Engine, NetworkLint, ::testing::ValuesIn(kCases),
                         [](const auto& info) { return info.param.name; });

// The input of a stage with stride 2 lies behind that of the stage before, and its output in that one's place.
TEST(NetworkCompiler, ReusesTheMaps) {
  const fixed::Network net = quantized({.name = ""});
  const Program program = compile(net, Lanes{1, 4});
  EXPECT_EQ(program.parameters.map_words[0], 4 * 16 * 16 / 4 + 8 * 8 * 8 / 4);
  EXPECT_EQ(program.parameters.map_words[1], 4 * 16 * 16 / 4);
  EXPECT_TRUE(program.network);
  EXPECT_EQ(program.input, (MapShape{3, 16, 16}));
  EXPECT_EQ(program.output.size(), 5);
  EXPECT_TRUE(program.parameters.single);
  EXPECT_EQ(program.parameters.pool_bits, 4);
}

TEST(NetworkCompiler, SectionsAddUp) {
  const fixed::Network net = quantized({.name = ""});
  const Program program = compile(net, 8);
  std::vector<std::string> names;
  for (const Section& section : program.sections) names.push_back(section.name);
  EXPECT_THAT(names,
              ::testing::ElementsAre("conv1", "layer1.0", "layer1.1", "layer2_1.0", "layer2_2.0", "layer3_1.0", "fc"));
  int64_t total = 0;
  for (const int64_t count : section_cycles(program)) total += count;
  EXPECT_EQ(total, cycles(program).compute);
  EXPECT_EQ(multiply_adds(program), mac_count(net.spec) + 16);  // fc has groups of two classes: six
}

class NetworkRefused : public ::testing::Test {
 protected:
  fixed::Network net = quantized({.name = ""});
};

TEST_F(NetworkRefused, MapWordsOfLessThanALogit) {
  const fixed::Network narrow = quantized({.name = "", .activations = "16.9", .weights = "16.12"});
  EXPECT_NO_THROW(compile(narrow, 2));
  EXPECT_ERROR(compile(narrow, 1), "small", "1 pixels of 16 bits", "32 bits of a logit", "more");
}

TEST_F(NetworkRefused, LastMapsThatAreNoPowerOfTwo) {
  Case c{.name = "", .change = [](NetworkSpec& spec) { spec.height = 48; }};
  EXPECT_ERROR(compile(quantized(c), 4), "small", "12 x 4 pixels", "1, 2, 4, 8");
}

TEST_F(NetworkRefused, LanesThatDoNotDivideConv1) {
  EXPECT_ERROR(compile(net, Lanes{8, 4}), "4 channels", "8 at a time", "fewer");
}

TEST_F(NetworkRefused, MemoriesLargerThanTheDevice) {
  EXPECT_ERROR(compile(net, 8, Device{.name = "XC7S6", .has = {.dsp = 20, .block_rams = 5}}), "small", "block RAMs",
               "XC7S6", "fewer bits");
}

TEST_F(NetworkRefused, FormatsOfSingleLayers) {
  net.activations["layer2_2"] = {24, 16};
  EXPECT_ERROR(compile(net, 8), "formats of single layers");
}

}  // namespace
}  // namespace odenet::engine
