#include "fixed/network.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "fixed/quantizer.h"
#include "support/expect_error.h"
#include "support/synthetic.h"
#include "support/temporary_folder.h"

namespace odenet::fixed {
namespace {

using odenet::testing::small_spec;
using odenet::testing::synthetic_checkpoint;
using odenet::testing::TemporaryFolder;

Network small_network() { return quantize(synthetic_checkpoint(small_spec(), 1)); }

TEST(Network, SurvivesSavingAndLoading) {
  const TemporaryFolder folder;
  Network net = small_network();
  net.scale = {30, 19};  // formats travel with the file
  for (int32_t& value : net.stem_norm.scale) value /= 2;
  net.save(folder / "net.safetensors");
  Network loaded = Network::load(folder / "net.safetensors");
  EXPECT_EQ(loaded.spec, net.spec);
  EXPECT_EQ(loaded.formats(), net.formats());
  EXPECT_EQ(loaded.dataset, "sample");
  EXPECT_EQ(loaded.class_names, net.class_names);
  std::vector<std::vector<int32_t>> values;
  for_each_tensor(net, [&](const TensorView& tensor) { values.push_back(tensor.values); });
  size_t at = 0;
  for_each_tensor(loaded, [&](const TensorView& tensor) { EXPECT_EQ(tensor.values, values.at(at++)) << tensor.name; });
  EXPECT_EQ(at, 1 + 1 + 2 + 3 * 6 + 8 + 2u);
  EXPECT_EQ(loaded.blocks[2].height, 8);
  EXPECT_EQ(loaded.blocks[3].height, 4);
  EXPECT_TRUE(loaded.blocks[3].ode);
  EXPECT_EQ(loaded.accuracy, std::nullopt);
}

TEST(Network, AccuracyTravelsWithTheFile) {
  Network net = small_network();
  net.accuracy = {.dataset = "sample", .split = "test", .images = 200, .top1 = 0.75, .float_top1 = 0.755};
  SafeTensors file = net.to_tensors();
  EXPECT_EQ(Network::from_tensors(file).accuracy, net.accuracy);
  file.source = "a.safetensors";
  file.metadata["accuracy"] = "{}";
  EXPECT_ERROR(Network::from_tensors(file), "a.safetensors", "damaged metadata");
}

TEST(Network, InstanceNormsSurviveSavingAndLoading) {
  const TemporaryFolder folder;
  const NetworkSpec spec = with_norms(small_spec(), NormKind::kInstance);
  const Network net = quantize(synthetic_checkpoint(spec, 1));
  net.save(folder / "net.safetensors");
  const Network loaded = Network::load(folder / "net.safetensors");
  EXPECT_EQ(loaded.spec, spec);
  ASSERT_EQ(loaded.blocks.size(), net.blocks.size());
  for (size_t i = 0; i < net.blocks.size(); ++i) {
    EXPECT_EQ(loaded.blocks[i].norm, NormKind::kInstance);
    EXPECT_EQ(loaded.blocks[i].norm2.scale, net.blocks[i].norm2.scale);
    EXPECT_EQ(loaded.blocks[i].norm2.shift, net.blocks[i].norm2.shift);
  }
}

TEST(Network, RefusesMapsTooLargeForInstanceNorms) {
  NetworkSpec spec = small_spec();
  spec.stages[0].norm = NormKind::kInstance;
  spec.height = spec.width = 255;
  make_skeleton(spec);
  spec.width = 257;
  spec.height = 256;
  EXPECT_ERROR(make_skeleton(spec), "layer1.0", "65792 pixels", "65535");
}

TEST(Network, OdeBlocksHaveTheMethodOfTheirSolver) {
  const Network net = make_network(with_solver(small_spec(), "rk4", 2));
  const auto& method = std::get<RungeKutta>(net.blocks.back().method);
  const int32_t one = 1 << 20, half = one / 2, third = (one + 1) / 3, sixth = (one + 3) / 6;
  EXPECT_EQ(method.stages, 4);
  EXPECT_EQ(method.a, (std::vector<int32_t>{0, 0, 0, 0, half, 0, 0, 0, 0, half, 0, 0, 0, 0, one, 0}));
  EXPECT_EQ(method.b, (std::vector<int32_t>{sixth, third, third, sixth}));
  EXPECT_EQ(net.blocks.back().executions, 8);
  EXPECT_EQ(net.blocks.front().method, Method(Euler()));
  const Network leapfrog = make_network(with_solver(small_spec(), "leapfrog", 2));
  EXPECT_EQ(leapfrog.blocks.back().method, Method(Leapfrog()));
  EXPECT_EQ(leapfrog.blocks.back().executions, 3);

  Network changed = quantize(synthetic_checkpoint(net.spec, 1));
  EXPECT_EQ(Network::from_tensors(changed.to_tensors()).blocks.back().method, Method(method));
  changed.blocks.back().method = Euler();
  EXPECT_ERROR(check(changed), "not those of its spec");
  EXPECT_ERROR(make_network(with_solver(small_spec(), "fehlberg", 1), {.scale = {16, 15}}), "'fehlberg'", "coefficient",
               "out of range");
  EXPECT_ERROR(make_network(with_adaptive_steps(with_solver(small_spec(), "heun-euler", 0), {.controller = "pi"})),
               "layer2_2", "follow their error", "--solver heun-euler --steps");
}

TEST(Network, RefusesFilesOfAnotherKind) {
  EXPECT_ERROR(Network::from_tensors(synthetic_checkpoint(small_spec(), 1)), "synthetic.safetensors",
               "a float checkpoint", "odenet quantize");
  SafeTensors file = small_network().to_tensors();
  file.metadata["format"] = "pictures";
  EXPECT_ERROR(Network::from_tensors(file), "'pictures'", "'odenet-q'");
  file.metadata.erase("format");
  EXPECT_ERROR(Network::from_tensors(file), "format");
}

TEST(Network, RefusesMissingUnexpectedAndMisshapenTensors) {
  const SafeTensors good = small_network().to_tensors();
  SafeTensors file = good;
  file.tensors.erase("layer2_2.0.conv1.time_bias");
  EXPECT_ERROR(Network::from_tensors(file), "layer2_2.0.conv1.time_bias", "missing");
  file = good;
  file.tensors["layer9.weight"] = file.tensors["fc.bias"];
  EXPECT_ERROR(Network::from_tensors(file), "layer9.weight", "does not belong to small");
  file = good;
  file.tensors["fc.bias"] = file.tensors["fc.weight"];
  EXPECT_ERROR(Network::from_tensors(file), "fc.bias", "[5, 8]", "[5]");
}

TEST(Network, RefusesValuesOutOfRange) {
  SafeTensors file = small_network().to_tensors();
  std::vector<int32_t> weights = file.get<int32_t>("fc.weight", {5, 8});
  weights[7] = 1 << 24;
  file.add<int32_t>("fc.weight", {5, 8}, weights);
  file.source = "net.safetensors";
  EXPECT_ERROR(Network::from_tensors(file), "net.safetensors", "fc.weight", "16777216 at index 7", "Q20 in 25 bits");
}

TEST(Network, RefusesDamagedMetadata) {
  const SafeTensors good = small_network().to_tensors();
  const auto with = [&](const char* key, const std::string& value) {
    SafeTensors file = good;
    file.source = "net.safetensors";
    file.metadata[key] = value;
    return file;
  };
  EXPECT_ERROR(Network::from_tensors(with("formats", "{}")), "net.safetensors", "damaged metadata");
  EXPECT_ERROR(Network::from_tensors(with("formats", R"({"activation": {"width": 33, "fraction": 20}})")),
               "activation format", "33");
  EXPECT_ERROR(Network::from_tensors(with("class_names", "[1, 2]")), "net.safetensors", "damaged metadata");
  EXPECT_ERROR(Network::from_tensors(with("class_names", R"(["cat"])")), "1 class names for 5 classes");
  EXPECT_ERROR(Network::from_tensors(with("spec", "{")), "net.safetensors", "spec");
  // A spec that promises more than the file holds: refused before anything of that size is allocated.
  NetworkSpec huge = small_spec();
  huge.stem_channels = 60000;
  huge.stages = {{.name = "layer1", .in_channels = 60000, .channels = 60000, .executions = 1000, .ode = true}};
  EXPECT_ERROR(Network::from_tensors(with("spec", dump_spec(huge))), "net.safetensors", "conv1.weight");
}

TEST(Network, CheckNoticesBlocksOfAnotherSpec) {
  Network net = small_network();
  check(net);
  net.blocks[2].conv1.stride = 1;
  EXPECT_ERROR(check(net), "blocks of the network are not those of its spec");
}

TEST(Network, RefusesMapsTooSmallForTheTimePlane) {
  NetworkSpec spec = small_spec();
  spec.height = 2;  // 1 row in the ODEBlock: it would be the first and the last
  EXPECT_ERROR(make_network(spec), "layer2_2", "1 x 4", "2 x 2");
}

}  // namespace
}  // namespace odenet::fixed
