#include "engine/export.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/file.h"
#include "engine/rom.h"
#include "fixed/formats_text.h"
#include "fixed/runner.h"
#include "support/engine_network.h"
#include "support/expect_error.h"
#include "support/temporary_folder.h"

namespace odenet::engine {
namespace {

namespace fs = std::filesystem;
using odenet::testing::engine_network;
using odenet::testing::random_images;
using odenet::testing::TemporaryFolder;

class Export : public ::testing::Test {
 protected:
  ExportReport run(const std::string& layer, int macs = 8, bool replace = false) {
    return export_folder(net_, images_, out_, {.layer = layer, .macs = macs, .replace = replace});
  }

  // Nothing but what was there before.
  void expect_nothing_left() {
    EXPECT_FALSE(fs::exists(out_));
    EXPECT_TRUE(fs::is_empty(folder_.path()));
  }

  // The output of `make <arguments>` in the exported folder.
  std::string make(const std::vector<std::string>& arguments) {
    std::vector<std::string> command{"make"};
    command.insert(command.end(), arguments.begin(), arguments.end());
    run_process(command, out_, folder_ / "make.log");
    return read_text_file(folder_ / "make.log");
  }

  const TemporaryFolder folder_;
  const fs::path out_ = folder_ / "engine";
  fixed::Network net_ = engine_network();
  std::vector<uint8_t> images_ = random_images(net_.spec, 2, 1);
};

TEST_F(Export, WritesASelfContainedFolder) {
  const ExportReport report = run("layer2_2");
  EXPECT_EQ(report.program.name, "layer2_2.0");
  EXPECT_EQ(report.images, 2);
  for (const char* file : {"Makefile", "README.txt", "config.mk", "engine_config.vh", "report.json", "utilisation.awk",
                           "rtl/engine.v", "tb/engine_tb.v", "rom/program.hex", "rom/weights_00.hex"})
    EXPECT_TRUE(fs::is_regular_file(out_ / file)) << file;

  fixed::Runner runner(net_);
  const auto input = runner.block_input(images_, 3);
  EXPECT_EQ(read_text_file(out_ / "golden/input.hex"), hex_lines(input, 32));
  EXPECT_EQ(read_text_file(out_ / "golden/output.hex"), hex_lines(runner.block(3).run(input), 32));
}

TEST_F(Export, HoldsTheNetworkTheImagesAndTheirLogits) {
  const ExportReport report =
      export_folder(net_, images_, out_, {.layer = "layer2_2", .macs = 8, .replace = false, .labels = {3, 4}});
  EXPECT_EQ(fixed::Network::load(out_ / "network.safetensors").to_tensors().serialize(), net_.to_tensors().serialize());
  EXPECT_EQ(SafeTensors::load(out_ / "golden/logits.safetensors").get<int32_t>("logits", {2, 5}),
            fixed::Runner(net_).run(images_));
  const std::string records = read_text_file(out_ / "golden/images.bin"),
                    pixels(reinterpret_cast<const char*>(images_.data()), images_.size());
  EXPECT_EQ(records, "\3" + pixels.substr(0, 768) + "\4" + pixels.substr(768));
  EXPECT_ERROR(export_folder(net_, images_, folder_ / "more", {.layer = "layer2_2", .labels = {1}}), "1 labels for 2");
  EXPECT_ERROR(export_folder(net_, images_, folder_ / "more", {.layer = "layer2_2", .labels = {1, 256}}), "label 256");
}

TEST_F(Export, ReportsCyclesMemoryAndProofs) {
  run("layer2_2", 16);
  const auto json = nlohmann::json::parse(read_text_file(out_ / "report.json"));
  const Program program = compile(net_.blocks[3], net_.formats(), 16);
  EXPECT_EQ(json["cycles"]["compute"], cycles(program).compute);
  EXPECT_EQ(json["cycles"]["step"], step_cycles(program));
  EXPECT_EQ(json["milliseconds"]["compute"], microseconds(cycles(program).compute, 100) / 1000);
  EXPECT_EQ(json["input"], nlohmann::json({8, 8, 8}));
  EXPECT_EQ(json["memory_bits"]["weights"], 2 * 8 * 8 * 9 * 25);
  EXPECT_EQ(json["accumulator_proofs"][1]["layer"], "layer2_2.0.conv2");
  EXPECT_LE(json["accumulator_proofs"][1]["weight_sum"], json["accumulator_proofs"][1]["bound"]);
  EXPECT_EQ(json["program"].size(), program.instructions.size());
}

TEST_F(Export, WritesAWholeNetwork) {
  const ExportReport report = run("");
  EXPECT_EQ(report.program.name, "small");
  fixed::Runner runner(net_);
  EXPECT_EQ(read_text_file(out_ / "golden/input.hex"), hex_lines(runner.input_activations(images_), 32));
  EXPECT_EQ(read_text_file(out_ / "golden/output.hex"), hex_lines(runner.run(images_), 32));
  const auto json = nlohmann::json::parse(read_text_file(out_ / "report.json"));
  EXPECT_EQ(json["scope"], "network");
  EXPECT_FALSE(json.contains("block"));
  EXPECT_EQ(json["output"], nlohmann::json({5, 1, 1}));
  EXPECT_EQ(json["accumulator_proofs"].back()["layer"], "fc");
  EXPECT_EQ(json["sections"].front()["name"], "conv1");
  int64_t sections = 0;
  for (const auto& section : json["sections"]) sections += section["cycles"].get<int64_t>();
  EXPECT_EQ(sections, json["cycles"]["compute"]);
  EXPECT_EQ(report.performance.accelerated_ms(), report.performance.compute_ms + report.performance.transfer_ms);
  EXPECT_NE(to_text(report).find("small, all of it: 3 x 16 x 16 to 5 logits"), std::string::npos);
}

// Residual and non-residual side by side; an ODEBlock's sum is the integration, and stays.
TEST_F(Export, ReportsWhatTheSkipCosts) {
  const ExportReport report = run("layer2_1");
  ASSERT_EQ(report.skips.size(), 3u);
  EXPECT_TRUE(report.skips[0].own);
  EXPECT_EQ(report.skips[0].cycles, report.cycles.compute);
  EXPECT_EQ(report.skips[0].resources.luts, report.resources.luts);
  EXPECT_EQ(report.skips[2].skip, Skip::kNone);
  EXPECT_EQ(report.skips[2].cycles, report.cycles.compute);  // old values come along with the write-back
  EXPECT_LT(report.skips[2].memory.maps, report.skips[0].memory.maps);
  EXPECT_NE(to_text(report).find("full "), std::string::npos);
  const auto json = nlohmann::json::parse(read_text_file(out_ / "report.json"));
  EXPECT_EQ(json["skips"][2]["skip"], "none");
  EXPECT_EQ(json["skips"][2]["memory_bits"]["maps"], report.skips[2].memory.maps);
  EXPECT_TRUE(run("layer2_2", 8, /*replace=*/true).skips.empty());
}

TEST_F(Export, HashNamesTheEngine) {
  const std::string hash = run("layer2_2").hash;
  EXPECT_EQ(run("layer2_2", 8, /*replace=*/true).hash, hash);
  EXPECT_NE(run("layer2_2", 16, /*replace=*/true).hash, hash);
  net_.blocks[3].conv2.weight[5] ^= 1;
  EXPECT_NE(run("layer2_2", 8, /*replace=*/true).hash, hash);
}

TEST_F(Export, UnknownLayerListsAll) {
  EXPECT_ERROR(run("layer9"), "unknown layer 'layer9'", "layer1.1", "layer2_2.0");
  EXPECT_ERROR(run("layer1"), "more than one block", "layer1.0, layer1.1");
  expect_nothing_left();
}

TEST_F(Export, RefusesWhatHasNoEngine) {
  EXPECT_ERROR(run("layer2_2", 128), "128");
  EXPECT_ERROR(run("layer2_2", 17), "17");
  for (int32_t& weight : net_.blocks[3].conv1.weight) weight = -(1 << 24);
  EXPECT_ERROR(run("layer2_2"), "layer2_2.0.conv1, output channel 0", "accumulator");
  expect_nothing_left();
}

TEST_F(Export, LeavesNothingBehindOnFailure) {
  images_.clear();
  EXPECT_ERROR(run("layer2_2"), "at least one image");
  images_.resize(100);
  EXPECT_ERROR(run("layer2_2"), "100 bytes");
  expect_nothing_left();
}

TEST_F(Export, UnwritableOutput) {
  write_file(folder_ / "file", "mine");
  EXPECT_ERROR(export_folder(net_, images_, folder_ / "file/engine", {.layer = "layer2_2", .macs = 8}),
               (folder_ / "file").string());
  EXPECT_ERROR(export_folder(net_, images_, folder_ / "file", {.layer = "layer2_2", .macs = 8}), "exists already");
  EXPECT_EQ(read_text_file(folder_ / "file"), "mine");
}

TEST_F(Export, DoesNotOverwriteUnasked) {
  create_folder(out_);
  write_file(out_ / "notes.txt", "mine");
  EXPECT_ERROR(run("layer2_2"), "exists already");
  EXPECT_EQ(read_text_file(out_ / "notes.txt"), "mine");
  run("layer2_2", 8, /*replace=*/true);
  EXPECT_FALSE(fs::exists(out_ / "notes.txt"));
}

class ExportLanes : public Export, public ::testing::WithParamInterface<int> {};

TEST_P(ExportLanes, LintsAndSimulatesWithoutADifference) {
  SKIP_WITHOUT("verilator");
  SKIP_WITHOUT("make");
  run("layer2_2", GetParam());
  make({"lint"});
  EXPECT_THAT(make({"sim-verilator"}), ::testing::HasSubstr("verilator: 2 images as the integer network computes"));
  EXPECT_THAT(make({"sim-verilator", "IMAGES=1"}), ::testing::HasSubstr("verilator: 1 images"));
}

INSTANTIATE_TEST_SUITE_P(Macs, ExportLanes, ::testing::Values(1, 16, 64));  // more in rtl_test.cpp

TEST_F(Export, TakesNetworksOfFewerBits) {
  SKIP_WITHOUT("iverilog");
  SKIP_WITHOUT("make");
  net_ = engine_network(1, fixed::formats_from("16.9", "16.12"));
  run("layer2_2", 16);
  const auto json = nlohmann::json::parse(read_text_file(out_ / "report.json"));
  EXPECT_EQ(json["resources"]["dsp"], 16 + 4);
  EXPECT_EQ(json["formats"]["activation"], (nlohmann::json{{"width", 16}, {"fraction", 9}}));
  EXPECT_EQ(json["formats"]["sum"], (nlohmann::json{{"width", 32}, {"fraction", 20}}));
  EXPECT_EQ(json["memory_bits"]["weights"], 2 * 8 * 8 * 9 * 16);
  EXPECT_EQ(json["accumulator_proofs"][0]["bound"], (int64_t{1} << 32) - 1) << "of one DSP";
  EXPECT_THAT(make({"sim-icarus", "IMAGES=2"}), ::testing::HasSubstr("icarus: 2 images as the integer network"));
}

// Every block of the network: residual ones, with and without stride 2, and the ODEBlock.
TEST_F(Export, RunsEveryBlock) {
  SKIP_WITHOUT("iverilog");
  SKIP_WITHOUT("make");
  for (const fixed::Block& block : net_.blocks) {
    SCOPED_TRACE(block.name);
    run(block.name, 16, /*replace=*/true);
    EXPECT_THAT(make({"sim-icarus", "IMAGES=2"}), ::testing::HasSubstr("icarus: 2 images as the integer network"));
  }
}

TEST_F(Export, SimulatesInIcarus) {
  SKIP_WITHOUT("iverilog");
  SKIP_WITHOUT("make");
  run("layer2_2", 16);
  EXPECT_THAT(make({"sim-icarus", "IMAGES=2"}), ::testing::HasSubstr("icarus: 2 images as the integer network"));
}

TEST_F(Export, SimulationNoticesOneWrongWord) {
  SKIP_WITHOUT("iverilog");
  SKIP_WITHOUT("make");
  run("layer2_2", 16);
  std::string golden = read_text_file(out_ / "golden/output.hex");
  char& digit = golden[9 * 300 + 7];
  digit = digit == '0' ? '1' : '0';
  write_file(out_ / "golden/output.hex", golden);
  EXPECT_ERROR(make({"sim-icarus"}), "image 0 word 300", "1 of 512 words differ");
}

TEST_F(Export, SimulationNoticesAWrongCycleCount) {
  SKIP_WITHOUT("iverilog");
  SKIP_WITHOUT("make");
  const int64_t expected = run("layer2_2", 16).cycles.compute + 1;
  EXPECT_ERROR(make({"sim-icarus", fmt::format("COMPUTE_CYCLES={}", expected)}),
               fmt::format("the cycle counter is not the expected {}", expected));
}

// The cells of a synthesis that was run before: `make synth` then only counts them.
TEST_F(Export, SynthCountsCellsAgainstTheDevice) {
  SKIP_WITHOUT("make");
  run("layer2_2");
  create_folder(out_ / "build");
  write_file(out_ / "build/cells.txt",
             "=== submodule ===\n     DSP48E1    99\n\n=== engine ===\n   Number of cells:  8329\n     CARRY4  178\n"
             "     DSP48E1   36\n     FDRE    3848\n     FDSE       6\n     INV       96\n     LUT2     400\n"
             "     LUT6    1400\n     MUXF7    120\n     RAM64M     2\n     RAMB18E1  13\n     RAMB36E1  60\n"
             "     SRL16E    45\n");
  EXPECT_THAT(make({"synth"}), ::testing::ContainsRegex("BRAM36 +66.5 +140 +47.5%"));
  const auto json = nlohmann::json::parse(read_text_file(out_ / "utilisation.json"));
  EXPECT_EQ(json["device"], "XC7Z020");
  EXPECT_EQ(json["DSP48E1"]["used"], 36);
  EXPECT_EQ(json["DSP48E1"]["device"], 220);
  EXPECT_EQ(json["BRAM36"]["used"], 66.5);
  EXPECT_EQ(json["LUT"]["used"], 96 + 400 + 1400 + 2 * 4 + 45);
  EXPECT_EQ(json["FF"]["used"], 3854);
}

}  // namespace
}  // namespace odenet::engine
