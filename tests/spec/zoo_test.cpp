#include "spec/zoo.h"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "core/error.h"

namespace odenet {
namespace {

using testing::HasSubstr;
using testing::ThrowsMessage;

struct Size {
  const char* model;
  int64_t bytes;  // float32 parameters for 100 classes
};

// Table 3 of the ODENet paper, all 16 values, and the three reduced networks.
class Table3 : public testing::TestWithParam<Size> {};

TEST_P(Table3, Bytes) {
  const NetworkSpec spec = make_spec(GetParam().model, 100);
  EXPECT_EQ(4 * parameter_count(spec), GetParam().bytes);
}

INSTANTIATE_TEST_SUITE_P(
    Paper, Table3,
    testing::Values(Size{"ResNet-20", 1102288}, Size{"ResNet-32", 1880016}, Size{"ResNet-44", 2657744},
                    Size{"ResNet-56", 3435472}, Size{"ODENet-20", 702800}, Size{"ODENet-32", 702800},
                    Size{"ODENet-44", 702800}, Size{"ODENet-56", 702800}, Size{"Mixed-ODENet-20", 810960},
                    Size{"Mixed-ODENet-32", 996816}, Size{"Mixed-ODENet-44", 1182672}, Size{"Mixed-ODENet-56", 1368528},
                    Size{"Biased-ODENet-20", 625104}, Size{"Biased-ODENet-32", 625104},
                    Size{"Biased-ODENet-44", 625104}, Size{"Biased-ODENet-56", 625104}, Size{"rODENet-1-20", 325712},
                    Size{"rODENet-2-20", 401104}, Size{"rODENet-1+2-20", 402256}, Size{"rODENet-1-56", 325712},
                    Size{"rODENet-2-56", 401104}, Size{"rODENet-1+2-56", 402256}));

// The NonResNet paper's networks: with projections the paper's counts, with option A those of the plain network.
struct Count {
  const char* model;
  int classes;
  int64_t parameters;
  int skips;
};

class SkipNetworks : public testing::TestWithParam<Count> {};

TEST_P(SkipNetworks, ParametersAndSkips) {
  const NetworkSpec spec = make_spec(GetParam().model, GetParam().classes);
  EXPECT_EQ(parameter_count(spec), GetParam().parameters);
  EXPECT_EQ(skip_count(spec), GetParam().skips);
}

INSTANTIATE_TEST_SUITE_P(Paper, SkipNetworks,
                         testing::Values(Count{"ResNet-B-20", 10, 272474, 9}, Count{"ResNet-B-20", 100, 278324, 9},
                                         Count{"Short-ResNet-B-20", 10, 272474, 9},
                                         Count{"Short-ResNet-B-20", 100, 278324, 9},
                                         Count{"NonResNet-20", 10, 269722, 0}, Count{"NonResNet-20", 100, 275572, 0},
                                         Count{"ResNet-20", 10, 269722, 9}, Count{"ResNet-20", 100, 275572, 9},
                                         Count{"Short-ResNet-20", 10, 269722, 9},
                                         Count{"Short-ResNet-20", 100, 275572, 9}, Count{"NonResNet-56", 10, 853018, 0},
                                         Count{"ODENet-20", 10, 169850, 2}));

// Parameters apart from conv1 and fc, the pre- and post-processing of dsODENet's abstract.
int64_t inner_parameters(const NetworkSpec& spec) {
  const auto table = layers(spec);
  return parameter_count(spec) - table.front().parameters - table.back().parameters;
}

TEST(Zoo, ReductionsOfSeparableConvolutions) {
  const NetworkSpec odenet = make_spec("odenet-20", 100);
  const auto reduction = [&](const char* model) {
    const NetworkSpec spec = make_spec(model, 100);
    const double all = static_cast<double>(parameter_count(spec)) / static_cast<double>(parameter_count(odenet));
    const double inner = static_cast<double>(inner_parameters(spec)) / static_cast<double>(inner_parameters(odenet));
    return fmt::format("{:.1f} {:.1f}", 100 * (inner - 1), 100 * (all - 1));
  };
  EXPECT_EQ(reduction("dsodenet-20"), "-50.8 -48.8");
  EXPECT_EQ(reduction("dsodenet-s2-20"), "-86.5 -83.1");
  EXPECT_EQ(parameter_count(make_spec("dsodenet-20", 100)), parameter_count(make_spec("dsodenet-56", 100)));
}

TEST(Zoo, MultiplyAddsOfSeparableConvolutionsAndProjections) {
  const auto macs = [](const char* model, size_t layer) { return layers(make_spec(model, 10))[layer].macs; };
  EXPECT_EQ(macs("dsodenet-20", 5), 2 * 2 * (9 * 64 + 64 * 64) * 64);
  EXPECT_EQ(macs("dsodenet-s2-20", 2), (9 * 16 + 16 * 32 + 9 * 32 + 32 * 32) * 256);
  EXPECT_EQ(macs("resnet-b-20", 2) - macs("resnet-20", 2), 16 * 32 * 256);
}

TEST(Zoo, LayersOfTable2) {
  const auto table = layers(make_spec("biased-odenet-20", 100));
  std::vector<std::string> names;
  for (const LayerInfo& layer : table) names.push_back(layer.name);
  EXPECT_THAT(names, testing::ElementsAre("conv1", "layer1", "layer2_1", "layer3_1", "layer3_2", "fc"));
  const LayerInfo& ode = table[4];
  EXPECT_EQ(ode.executions, 6);
  EXPECT_EQ(ode.blocks, 1);
  EXPECT_EQ(4 * ode.parameters, 300544);
  EXPECT_EQ(ode.macs, 6 * 4718592);
  EXPECT_EQ(std::tuple(ode.channels, ode.height, ode.width), std::tuple(64, 8, 8));
}

TEST(Zoo, EveryFamilyHasTheSameNumberOfExecutionsAtEveryDepth) {
  for (const Family& family : families()) {
    int count = 0;
    for (int depth = family.min_depth; depth <= 200; depth += family.depth_step, ++count) {
      const NetworkSpec spec = make_spec(fmt::format("{}-{}", family.name, depth), 10);
      int executions = 0;
      for (const Stage& stage : spec.stages) executions += stage.blocks * stage.executions;
      EXPECT_EQ(executions, (depth - 2) / 2) << spec.model;
    }
    EXPECT_GT(count, 10);
  }
}

TEST(Zoo, Aliases) {
  EXPECT_EQ(make_spec("rODENet-3-32", 10), make_spec("biased-odenet-32", 10));
  EXPECT_EQ(make_spec("Hybrid-3-20", 10), make_spec("mixed-odenet-20", 10));
}

TEST(Zoo, InvalidNamesListTheValidOnes) {
  const auto make = [](const char* name) { return [name] { make_spec(name, 10); }; };
  EXPECT_THAT(make("vgg-16"), ThrowsMessage<Error>(HasSubstr("rodenet-1+2-N")));
  EXPECT_THAT(make("biased-odenet-21"), ThrowsMessage<Error>(HasSubstr("14, 20, 26, 32")));
  EXPECT_THAT(make("biased-odenet-8"), ThrowsMessage<Error>(HasSubstr("14, 20, 26, 32")));
  EXPECT_THAT(make("rodenet-1+2-26"), ThrowsMessage<Error>(HasSubstr("20, 32, 44, 56")));
  EXPECT_THAT(make("resnet"), ThrowsMessage<Error>(HasSubstr("valid N")));
  EXPECT_THAT(make("resnet-"), ThrowsMessage<Error>(HasSubstr("valid N")));
  EXPECT_THAT(make("resnet-20x"), ThrowsMessage<Error>(HasSubstr("valid N")));
  EXPECT_THAT(make("resnet-99999999999"), ThrowsMessage<Error>(HasSubstr("valid N")));
  EXPECT_THAT([] { make_spec("resnet-20", 0); }, ThrowsMessage<Error>(HasSubstr("classes")));
}

}  // namespace
}  // namespace odenet
