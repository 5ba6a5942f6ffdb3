// The whole road through the program, on few images, and what it says to bad input.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "cli/program.h"
#include "core/file.h"
#include "core/safetensors.h"

namespace odenet {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;

class Road : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = new testing::TemporaryFolder;
    succeed("train --model biased-odenet-14 --train-limit 256 --test-limit 64 --batch 32 --epochs 2 --out " + run());
  }
  static void TearDownTestSuite() { delete folder_; }

  static std::string path(const std::string& name) { return (*folder_ / name).string(); }
  static std::string run() { return path("run"); }

  // A copy of the checkpoint with one change.
  template <typename Change>
  static std::string changed(const std::string& name, const Change& change) {
    SafeTensors file = SafeTensors::load(run() + "/best.safetensors");
    change(file);
    file.save(path(name));
    return path(name);
  }

  static testing::TemporaryFolder* folder_;
};
testing::TemporaryFolder* Road::folder_ = nullptr;

TEST_F(Road, RunFolderIsComplete) {
  for (const char* name : {"config.toml", "metrics.csv", "log.txt", "last.safetensors", "best.safetensors"})
    EXPECT_TRUE(fs::exists(run() + "/" + name)) << name;
}

TEST_F(Road, EvalGivesTextAndJson) {
  EXPECT_THAT(succeed("eval " + run() + " --limit 100"), AllOf(HasSubstr("top-1"), HasSubstr("predicted")));
  const auto json = nlohmann::json::parse(succeed("eval --json --limit 100 " + run()));
  EXPECT_EQ(json.at("count"), 100);
  int64_t sum = 0;
  for (const auto& row : json.at("confusion"))
    for (const auto& n : row) sum += n.get<int64_t>();
  EXPECT_EQ(sum, 100);
}

TEST_F(Road, AnotherSolverEvaluatesAndQuantizes) {
  const std::string few = " --statistics 64 --limit 16 " + run();
  EXPECT_THAT(succeed("eval --solver rk4 --steps 2" + few), HasSubstr("top-1"));
  EXPECT_THAT(fail("eval --solver rk5" + few), AllOf(HasSubstr("unknown solver 'rk5'"), HasSubstr("leapfrog")));
  const std::string file = path("two_steps.safetensors");
  const auto report = nlohmann::json::parse(succeed("quantize --json --solver rk4 --steps 2 --out " + file + few));
  EXPECT_EQ(report.at("disagreeing"), 0);
  const auto spec = nlohmann::json::parse(SafeTensors::load(file).meta("spec"));
  EXPECT_EQ(spec.at("stages").back().at("executions"), 8);
  EXPECT_THAT(fail("eval --backend fixed --steps 3 " + file), HasSubstr("odenet quantize"));
  EXPECT_THAT(succeed("export-fpga --layer layer3_2 --images 1 --out " + path("rk4_engine") + " " + file),
              HasSubstr("a step of 4 executions"));
}

TEST_F(Road, TrainsWithOneSolverAndPredictsWithAnother) {
  const std::string trained = path("rk4");
  succeed(
      "train --model biased-odenet-14 --train-limit 64 --test-limit 32 --batch 32 --epochs 1 --solver midpoint "
      "--steps 2 --gradient aca --out " +
      trained);
  EXPECT_THAT(succeed("eval --limit 16 " + trained), HasSubstr("top-1"));
  EXPECT_THAT(succeed("quantize --limit 16 --out " + path("midpoint.safetensors") + " " + trained),
              HasSubstr("layer3_2.0[3]"));
  EXPECT_THAT(succeed("quantize --solver euler --statistics 64 --limit 16 " + trained), HasSubstr("q20"));
  EXPECT_THAT(succeed("eval --backend fixed --limit 16 " + trained), HasSubstr("top-1"));
}

TEST_F(Road, AdaptiveStepsAreCountedAndMayEndAsFixedOnes) {
  const std::string trained = path("adaptive");
  EXPECT_THAT(succeed("train --model biased-odenet-14 --train-limit 64 --test-limit 150 --batch 32 --epochs 1 --solver "
                      "heun-euler --controller pi --rtol 0.05 --atol 0.05 --gradient aca --out " +
                      trained),
              HasSubstr("top-1"));
  EXPECT_THAT(read_text_file(trained + "/metrics.csv"),
              HasSubstr(",evaluations,backward_evaluations,trials,rejected\n"));
  const auto tested = nlohmann::json::parse(succeed("eval --json --limit 150 " + trained));
  EXPECT_THAT(read_text_file(trained + "/metrics.csv"), HasSubstr(fmt::format(",{},", tested.at("loss").get<double>())))
      << "the steps depend on the batch, which is the same";
  const auto json = nlohmann::json::parse(succeed("eval --json --limit 16 " + trained));
  EXPECT_GE(json.at("counts").at("accepted_steps_a_batch"), 1);
  EXPECT_GE(json.at("counts").at("evaluations_a_batch"), 2);
  const std::string finer = "eval --json --limit 16 --statistics 64 --rtol 0.005 --atol 0.005 ";
  const auto more = nlohmann::json::parse(succeed(finer + trained));
  EXPECT_GT(more.at("counts").at("evaluations_a_batch"), json.at("counts").at("evaluations_a_batch"));
  const auto windowed = nlohmann::json::parse(succeed(
      "eval --json --limit 16 --statistics 64 --controller slope --accepts 1 --rejects 1 --window 4 " + trained));
  EXPECT_GE(windowed.at("counts").at("rejected_steps_a_batch"), 0);
  EXPECT_GT(windowed.at("counts").at("error_rows_a_batch"), 0);
  EXPECT_THAT(fail(finer + run()), AllOf(HasSubstr("fixed"), HasSubstr("--controller")));
  for (const std::string& network : {run(), trained}) {
    EXPECT_THAT(fail("eval --limit 16 --solver heun-euler --steps 4 --controller pi " + network),
                AllOf(HasSubstr("--steps 4"), HasSubstr("--controller pi"), HasSubstr("exclude")));
    EXPECT_THAT(fail("eval --limit 16 --step-size 0.5 --controller i " + network), HasSubstr("--step-size 0.5"));
    EXPECT_THAT(succeed("eval --limit 16 --statistics 64 --steps 2 --controller fixed " + network), HasSubstr("top-1"));
  }
  EXPECT_THAT(fail("eval --limit 16 --controller fixed " + trained), HasSubstr("--controller fixed needs --steps"));
  const auto top1 = [](const std::string& text) { return text.substr(0, text.rfind(',')); };
  EXPECT_EQ(top1(succeed("eval --limit 16 --controller fixed " + run())), top1(succeed("eval --limit 16 " + run())));
  EXPECT_THAT(succeed("eval --limit 16 --statistics 64 --step-size 0.5 " + run()), HasSubstr("top-1"));
  EXPECT_THAT(fail("eval --limit 16 --step-size 0.3 " + run()), HasSubstr("step-size is 0.3"));
  EXPECT_THAT(fail("eval --limit 16 --step-size 0.5 --steps 2 " + run()), HasSubstr("exclude"));
  EXPECT_THAT(fail("quantize --limit 16 " + trained), HasSubstr("--solver heun-euler --steps M"));
  EXPECT_THAT(succeed("quantize --solver euler --steps 3 --statistics 64 --limit 16 " + trained), HasSubstr("q20"));
}

TEST_F(Road, QuantizedNetworkAgreesWithFloat) {
  const std::string file = path("q.safetensors");
  const auto report = nlohmann::json::parse(succeed("quantize --json --limit 32 --out " + file + " " + run()));
  EXPECT_EQ(report.at("saturations"), 0);
  succeed("quantize --limit 32 " + run());
  const auto json = nlohmann::json::parse(succeed("eval --backend fixed --compare float --limit 64 --json " + run()));
  EXPECT_EQ(json.at("first").at("backend"), "float");
  EXPECT_EQ(json.at("second").at("backend"), "fixed");
  EXPECT_LT(json.at("max_logit_error"), 1e-3);
  EXPECT_EQ(read_file(file), read_file(run() + "/q20.safetensors"));
  EXPECT_THAT(succeed("eval --backend fixed --limit 16 " + run() + "/best.safetensors"), HasSubstr("top-1"))
      << "a checkpoint has what was made from it beside it";
}

TEST_F(Road, AnIntegerNetworkIsThatOfItsCheckpoint) {
  const std::string trained = path("later");
  fs::copy(run(), trained);
  succeed("quantize --limit 16 " + trained);
  fs::copy(trained + "/best.safetensors", trained + "/target.safetensors");
  SafeTensors best = SafeTensors::load(trained + "/best.safetensors");
  auto bias = best.get<float>("fc.bias", {10});
  bias[3] += 1;
  best.add<float>("fc.bias", {10}, bias);
  best.save(trained + "/best.safetensors");  // as training on leaves it
  const std::string advice = "was made from another network than " + trained + "/best.safetensors is now; run: odenet ";
  EXPECT_THAT(fail("eval --backend fixed --limit 16 " + trained), HasSubstr(advice + "quantize " + trained));
  EXPECT_THAT(fail("export-fpga --out " + path("stale") + " " + trained), HasSubstr(advice));
  succeed("quantize --limit 16 " + trained + "/target.safetensors");
  EXPECT_TRUE(fs::exists(trained + "/target.q20.safetensors"));
  succeed("eval --backend fixed --limit 16 " + trained + "/target.safetensors");
  EXPECT_THAT(fail("eval --backend fixed --limit 16 " + trained), HasSubstr(advice));
  succeed("quantize --limit 16 " + trained);
  succeed("eval --backend fixed --limit 16 " + trained);
}

TEST_F(Road, FormatsAreGivenOrChosen) {
  const std::string file = path("formats.safetensors"), to = "quantize --limit 16 --json --out " + file + " ";
  succeed(to + "--activations 16.9,layer3_2=16.8 --weights 16.12 " + run());
  const auto formats = nlohmann::json::parse(SafeTensors::load(file).meta("formats"));
  EXPECT_EQ(formats.at("weight").at("fraction"), 12) << formats;
  EXPECT_EQ(formats.at("activations").at("layer3_2").at("fraction"), 8) << formats;
  succeed(to + "--auto 12 --calibration 20 --channel-scaling " + run());
  EXPECT_THAT(succeed("eval --backend fixed --limit 16 " + file), HasSubstr("top-1"));

  const auto kept = read_file(file);
  const std::string plot = path("sweep.svg"), json = path("sweep.json");
  EXPECT_THAT(
      succeed("quantize --sweep 16,8 --calibration 20 --limit 16 --plot " + plot + " --report " + json + " " + run()),
      AllOf(HasSubstr("bits"), HasSubstr("16"), HasSubstr("8")));
  const auto sweep = nlohmann::json::parse(read_text_file(json));
  EXPECT_EQ(sweep.at("rows").size(), 2u) << sweep;
  EXPECT_TRUE(fs::exists(plot));

  EXPECT_THAT(fail(to + "--activations 16 " + run()), HasSubstr("WIDTH.FRACTION"));
  EXPECT_THAT(fail(to + "--activations 32.20,layer9=16.8 " + run()), AllOf(HasSubstr("layer9"), HasSubstr("layer3_2")));
  EXPECT_THAT(fail(to + "--weights 4.3,conv1=40.2 " + run()), HasSubstr("40.2"));
  EXPECT_THAT(fail(to + "--auto 8 --weights 16.12 " + run()), HasSubstr("excludes"));
  EXPECT_THAT(fail(to + "--plot " + plot + " " + run()), HasSubstr("--sweep"));
  EXPECT_EQ(read_file(file), kept);
}

TEST_F(Road, TrainsForFewBits) {
  const std::string trained = path("eight");
  succeed(
      "train --weights " + run() +
      " --quantize 8 --model biased-odenet-14 --train-limit 64 --test-limit 32 --batch 32 --epochs 1 --lr 0.01 --out " +
      trained);
  const auto report = nlohmann::json::parse(succeed("quantize --json --limit 32 " + trained));
  EXPECT_LT(report.at("disagreeing"), 8);
  EXPECT_THAT(succeed("eval --backend fixed --limit 32 " + trained + "/quantized.safetensors"), HasSubstr("top-1"));
  EXPECT_THAT(succeed("eval --backend fixed --limit 32 " + trained),
              AllOf(HasSubstr("top-1"), HasSubstr("integer network: " + trained + "/quantized.safetensors\n")));
  succeed("quantize --activations 32.20 --weights 25.20 --limit 16 " + trained);
  EXPECT_THAT(succeed("eval --backend fixed --compare float --limit 32 " + trained),
              HasSubstr("integer network: " + trained + "/q20.safetensors\n"));
  EXPECT_THAT(fail("train --weights " + run() + " --quantize 8 --model biased-odenet-14 --activations 8.4,layr1=8.2 " +
                   "--out " + path("nothing")),
              HasSubstr("layr1"));
  EXPECT_THAT(fail("train --quantize 8 --out " + path("nothing")), HasSubstr("weights"));
}

TEST_F(Road, LogitsAreWritten) {
  const std::string file = path("logits.safetensors");
  succeed("eval --limit 16 --logits " + file + " " + run());
  const auto logits = SafeTensors::load(file);
  EXPECT_EQ(logits.get<float>("logits", {16, 10}).size(), 160u);
  EXPECT_EQ(logits.get<int64_t>("labels", {16})[3], 3) << "image i of the sample set has label i modulo 10";
}

TEST_F(Road, ExistingRunIsKept) {
  const auto before = read_file(run() + "/last.safetensors");
  EXPECT_THAT(fail("train --epochs 0 --out " + run()), HasSubstr("exists already"));
  EXPECT_EQ(read_file(run() + "/last.safetensors"), before);
}

TEST_F(Road, BadTrainingInputWritesNothing) {
  const std::string out = path("none");
  EXPECT_THAT(fail("train --model resnet-21 --out " + out), HasSubstr("8, 14, 20"));
  EXPECT_THAT(fail("train --dataset cifar10 --data-dir " + path("nowhere") + " --out " + out), HasSubstr("nowhere"));
  EXPECT_THAT(fail("train --epochs many --out " + out), HasSubstr("epochs is 'many'"));
  EXPECT_THAT(fail("train --config " + path("none.toml") + " --out " + out), HasSubstr("none.toml"));
  EXPECT_THAT(fail("train --epochs 0 --out /proc/none"), HasSubstr("/proc/none"));
  fail("train --learning-rate 1 --out " + out);
  EXPECT_FALSE(fs::exists(out));
}

TEST_F(Road, DamagedDataFiles) {
  succeed("data write sample --out " + path("files"));
  fs::create_directory(path("cifar"));
  const std::string out = path("none"), batch = path("cifar/cifar-10-batches-bin/test_batch.bin");
  fs::copy(path("files"), path("cifar/cifar-10-batches-bin"), fs::copy_options::recursive);
  EXPECT_THAT(fail("train --dataset cifar10 --data-dir " + path("cifar") + " --out " + out),
              AllOf(HasSubstr("data_batch_1.bin"), HasSubstr("30730000")));
  EXPECT_THAT(fail("eval --dataset cifar10 --data-dir " + path("cifar") + " " + run()), HasSubstr(batch));
  EXPECT_FALSE(fs::exists(out));
}

TEST_F(Road, DamagedCheckpoints) {
  const std::string out = path("none");
  const std::string cut = path("cut.safetensors");
  const auto bytes = read_file(run() + "/best.safetensors");
  write_file(cut, std::span(bytes).first(bytes.size() - 100));
  for (const std::string& command : {std::string("eval "), "quantize --out " + out + " "})
    EXPECT_THAT(fail(command + cut), AllOf(HasSubstr("cut.safetensors"), HasSubstr("truncated")));

  const auto other = changed("other.safetensors", [](SafeTensors& file) { file.tensors.erase("fc.bias"); });
  for (const std::string& command : {std::string("eval "), "quantize --out " + out + " "})
    EXPECT_THAT(fail(command + other), HasSubstr("fc.bias"));

  EXPECT_THAT(fail("eval " + path("missing.safetensors")), HasSubstr("No such file"));
  EXPECT_THAT(fail("eval " + folder_->path().string()), HasSubstr("run folder"));
  EXPECT_FALSE(fs::exists(out));
}

TEST_F(Road, WeightsThatBreakTheAccumulatorProof) {
  const auto large = changed("large.safetensors", [](SafeTensors& file) {
    const Shape shape = file.tensors.at("layer3_2.0.conv1.weight").shape;
    const std::vector<float> values(static_cast<size_t>(element_count(shape)), 15.f);
    file.add("layer3_2.0.conv1.weight", shape, std::span<const float>(values));
  });
  const std::string out = path("none");
  EXPECT_THAT(fail("quantize --out " + out + " " + large), HasSubstr("layer3_2.0.conv1"));
  EXPECT_FALSE(fs::exists(out));
}

TEST_F(Road, ExportIsASelfContainedFolder) {
  const std::string net = path("export.safetensors"), out = path("fpga");
  succeed("quantize --limit 8 --out " + net + " " + run());
  const auto report = nlohmann::json::parse(
      succeed("export-fpga " + net + " --layer layer3_2 --macs 16 --images 2 --json --out " + out));
  EXPECT_LE(report.at("cycles").at("step"), 309657);
  for (const char* name : {"Makefile", "report.json", "rtl/engine.v", "rom/program.hex", "golden/output.hex"})
    EXPECT_TRUE(fs::exists(out + "/" + name)) << name;
  EXPECT_THAT(fail("export-fpga " + net + " --layer layer3_2 --out " + out), HasSubstr("exists already"));
}

TEST_F(Road, ExportsAndSimulatesAWholeNetwork) {
  const std::string net = path("whole.safetensors"), out = path("whole");
  succeed("quantize --activations 16.9 --weights 16.12 --limit 8 --out " + net + " " + run());
  const std::string command = "export-fpga " + net + " --scope network --macs 64 --images 2 --out " + out;
  const std::string text = succeed(command);
  EXPECT_THAT(text, AllOf(HasSubstr("all of it: 3 x 32 x 32 to 10 logits"), HasSubstr("Q9 in 16 bits"),
                          HasSubstr("of 8 test images of sample, in float")));
  const auto report = nlohmann::json::parse(read_text_file(out + "/report.json"));
  EXPECT_EQ(report.at("scope"), "network");
  EXPECT_EQ(report.at("accuracy").at("images"), 8);
  EXPECT_THAT(fail(command + "-2 --layer layer3_2"), AllOf(HasSubstr("--layer layer3_2"), HasSubstr("exclude")));
  EXPECT_THAT(fail("export-fpga " + net + " --out " + out + "-2"), HasSubstr("--scope network"));
  EXPECT_THAT(fail("export-fpga " + net + " --scope chip --out " + out + "-2"), HasSubstr("--scope"));
  if (std::system("command -v verilator >/dev/null") != 0) GTEST_SKIP() << "verilator is not installed";
  const auto compared = nlohmann::json::parse(
      succeed("eval " + net + " --backend rtl --compare fixed --scope network --macs 64 --limit 2 --json"));
  EXPECT_EQ(compared.at("differing_logits"), 0);
}

TEST_F(Road, ExportRefusesWhatTheEngineCannotRun) {
  const std::string net = path("refused.safetensors"), out = path("none");
  succeed("quantize --limit 8 --out " + net + " " + run());
  const std::string export_net = "export-fpga " + net + " --out " + out + " ";
  EXPECT_THAT(fail(export_net + "--layer layer9"), AllOf(HasSubstr("layer9"), HasSubstr("layer3_2")));
  EXPECT_THAT(fail(export_net + "--layer layer3_2 --macs 7"), AllOf(HasSubstr("7"), HasSubstr("8, 16, 32, 64")));
  const std::string alone = path("not_quantized.safetensors");
  fs::copy_file(run() + "/last.safetensors", alone);
  EXPECT_THAT(fail("export-fpga " + alone + " --layer layer3_2 --out " + out), HasSubstr("odenet quantize"));
  EXPECT_THAT(fail("export-fpga " + net + " --layer layer3_2 --out " + run() + "/config.toml/fpga"),
              HasSubstr("cannot create folder"));
  EXPECT_THAT(fail("eval --backend rtl --layer layer9 " + net), HasSubstr("layer9"));
  EXPECT_FALSE(fs::exists(out));
}

TEST_F(Road, UnwritableOutputKeepsWhatIsThere) {
  EXPECT_THAT(fail("quantize --limit 8 --out " + path("no/such/folder/q") + " " + run()), HasSubstr("cannot write"));
  EXPECT_THAT(fail("data write sample --out " + run()), HasSubstr("run"));
}

TEST_F(Road, WrongKindsOfNetwork) {
  succeed("quantize --limit 8 --out " + path("kind.safetensors") + " " + run());
  EXPECT_THAT(fail("eval --backend float " + path("kind.safetensors")), HasSubstr("quantized network"));
  EXPECT_THAT(fail("quantize " + path("kind.safetensors")), HasSubstr("quantized network"));
  const std::string alone = path("only_float.safetensors");
  fs::copy_file(run() + "/last.safetensors", alone);
  EXPECT_THAT(fail("eval --backend fixed " + alone), HasSubstr("odenet quantize"));
  EXPECT_THAT(fail("eval --backend analog " + run()), HasSubstr("float, fixed, rtl"));
}

}  // namespace
}  // namespace odenet
