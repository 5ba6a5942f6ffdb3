#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "core/file.h"
#include "core/process.h"
#include "data/picture.h"
#include "fake_engine.h"
#include "fixed/calibration.h"
#include "fixed/formats_text.h"
#include "fixed/quantizer.h"
#include "support/engine_network.h"
#include "support/synthetic.h"
#include "support/temporary_folder.h"

namespace odenet::infer {
namespace {

namespace fs = std::filesystem;
using odenet::testing::random_images;
using odenet::testing::small_spec;
using odenet::testing::synthetic_checkpoint;
using ::testing::HasSubstr;

struct Machine {
  std::string name, emulator;

  fs::path program() const {
    return name.empty() ? fs::path(ODENET_INFER) : ODENET_INFER_CROSS / fs::path(name) / "odenet-infer";
  }
  std::vector<std::string> command() const {
    if (name.empty()) return {program()};
    return {emulator, "-L", "/usr/" + name, program()};
  }
};

class Infer : public ::testing::TestWithParam<Machine> {
 protected:
  void SetUp() override {
    const Machine& machine = GetParam();
    if (machine.name.empty()) return;
    if (!fs::exists(machine.program()))
      GTEST_SKIP() << machine.program() << " is not there: built by ctest where " << machine.name
                   << "-g++ is installed";
    try {
      require_tool(machine.emulator, "qemu-user");
    } catch (const std::exception& e) {
      GTEST_SKIP() << e.what();
    }
  }

  // What the program prints.
  std::string run(std::vector<std::string> arguments) {
    std::vector<std::string> command = GetParam().command();
    command.insert(command.end(), arguments.begin(), arguments.end());
    run_process(command, folder_.path(), folder_ / "log");
    return read_text_file(folder_ / "log");
  }

  std::string fails(const std::vector<std::string>& arguments) {
    try {
      run(arguments);
    } catch (const std::exception& e) {
      return e.what();
    }
    return "";
  }

  // A file of records with a label byte each.
  void write_records(const std::string& name, std::span<const uint8_t> images, const std::vector<int>& labels) {
    std::string bytes;
    const size_t size = images.size() / labels.size();
    for (size_t i = 0; i < labels.size(); ++i) {
      bytes += static_cast<char>(labels[i]);
      bytes.append(reinterpret_cast<const char*>(images.data()) + i * size, size);
    }
    write_file(folder_ / name, bytes);
  }

  const odenet::testing::TemporaryFolder folder_;
};

// Formats for every way to sum, with activations that saturate, too.
TEST_P(Infer, GivesTheSameLogitsInEveryBit) {
  NetworkSpec spec = small_spec();
  spec.stages[1].shortcut = Shortcut::kProjection;
  spec.stages[2].body = Body::kSeparable;
  const SafeTensors checkpoint = synthetic_checkpoint(spec, 5);
  const auto images = random_images(spec, 12, 6);
  write_records("images.bin", images, std::vector<int>(12, 1));
  fixed::Calibration calibration(fixed::quantize(checkpoint));
  calibration.run(images);
  fixed::Formats saturating = fixed::formats_from("32.29,input=32.20,layer2_1=32.20", "");
  saturating.sum = fixed::Format{32, 20};
  for (const fixed::Formats& formats :
       {fixed::Formats{}, calibration.formats(8), calibration.formats(16), calibration.formats(24), saturating}) {
    fixed::Network net = fixed::quantize(checkpoint, {.formats = formats});
    net.save(folder_ / "net.safetensors");
    run({"net.safetensors", "images.bin", "--logits", "logits.safetensors"});
    EXPECT_EQ(SafeTensors::load(folder_ / "logits.safetensors").get<int32_t>("logits", {12, 5}),
              fixed::Runner(net).run(images));
  }
}

TEST_P(Infer, ReportsAccuracyAndRefusesWhatItCannotRead) {
  const SafeTensors checkpoint = synthetic_checkpoint(small_spec(), 5);
  fixed::quantize(checkpoint).save(folder_ / "net.safetensors");
  const auto images = random_images(small_spec(), 4, 6);
  const auto logits = fixed::Runner(fixed::quantize(checkpoint)).run(images);
  std::vector<int> labels;
  for (size_t i = 0; i < 20; i += 5)
    labels.push_back(static_cast<int>(std::max_element(&logits[i], &logits[i] + 5) - &logits[i]));
  write_records("right.bin", images, labels);
  EXPECT_THAT(run({"net.safetensors", "right.bin"}), HasSubstr("4 labelled images, top-1 100.00 %"));
  labels[2] = (labels[2] + 1) % 5;
  write_records("wrong.bin", images, labels);
  const auto json = nlohmann::json::parse(run({"net.safetensors", "right.bin", "wrong.bin", "--json"}));
  EXPECT_EQ(json["top1"], 7.0 / 8);
  EXPECT_EQ(json["predictions"].size(), 8u);
  EXPECT_THAT(run({"net.safetensors", "wrong.bin", "--limit", "2"}), HasSubstr("2 labelled images, top-1 100.00 %"));

  write_file(folder_ / "short.bin", "too short");
  EXPECT_THAT(fails({"net.safetensors", "short.bin"}), HasSubstr("9 bytes, expected a multiple of 193 or 194"));
  EXPECT_THAT(fails({"net.safetensors", "images.gif"}), HasSubstr(".png"));
  labels[0] = 5;
  write_records("label.bin", images, labels);
  EXPECT_THAT(fails({"net.safetensors", "label.bin"}), HasSubstr("label 5, expected 0 to 4"));
  EXPECT_THAT(fails({"none.safetensors", "right.bin"}), HasSubstr("none.safetensors"));
}

// CIFAR-100's records have a coarse and a fine label: the network's data set says which one is meant.
TEST_P(Infer, TakesTheLabelOfTheNetworksDataSet) {
  const auto images = random_images(small_spec(), 4, 6);
  fixed::Network net = fixed::quantize(synthetic_checkpoint(small_spec(), 5));
  const auto logits = fixed::Runner(net).run(images);
  std::string records;
  for (size_t i = 0; i < 4; ++i) {
    const auto* row = &logits[i * 5];
    records += static_cast<char>(std::max_element(row, row + 5) - row);
    records += static_cast<char>(77);
    records.append(reinterpret_cast<const char*>(&images[i * 192]), 192);
  }
  write_file(folder_ / "test.bin", records);
  net.dataset = "cifar100-coarse";
  net.save(folder_ / "coarse.safetensors");
  net.dataset = "cifar100";
  net.save(folder_ / "fine.safetensors");
  EXPECT_THAT(run({"coarse.safetensors", "test.bin"}), HasSubstr("top-1 100.00 %"));
  EXPECT_THAT(fails({"fine.safetensors", "test.bin"}), HasSubstr("label 77"));
}

// Also what the board's processor does beside the engine.
TEST_P(Infer, LetsAnEngineComputeItsBlock) {
  const fixed::Network net = odenet::testing::engine_network(1), other = odenet::testing::engine_network(2);
  const auto images = random_images(net.spec, 3, 6);
  write_records("images.bin", images, {0, 1, 2});
  net.save(folder_ / "net.safetensors");
  other.save(folder_ / "other.safetensors");
  const testing::FakeEngine engine(folder_ / "socket", net, 3);
  const std::vector<std::string> on_device{"images.bin", "--device", "socket:socket"};
  const auto with = [&](const std::string& network, const std::vector<std::string>& more) {
    std::vector<std::string> arguments{network};
    arguments.insert(arguments.end(), on_device.begin(), on_device.end());
    arguments.insert(arguments.end(), more.begin(), more.end());
    return arguments;
  };
  EXPECT_THAT(run(with("net.safetensors", {"--logits", "logits.safetensors"})),
              HasSubstr("layer2_2.0 on socket:socket: 3 images, 100 cycles each to load, 1000 to compute, 10 to store; "
                        "12 saturations"));
  EXPECT_EQ(SafeTensors::load(folder_ / "logits.safetensors").get<int32_t>("logits", {3, 5}),
            fixed::Runner(net).run(images));

  const auto json = nlohmann::json::parse(run(with("net.safetensors", {"--json", "--expect", "logits.safetensors"})));
  EXPECT_EQ(json["accelerator"]["block"], "layer2_2.0");
  EXPECT_EQ(json["accelerator"]["compute_cycles"], 3000);
  EXPECT_EQ(json["expected"]["equal_images"], 3);

  // The times differ, the logits do not.
  const auto profile =
      nlohmann::json::parse(run(with("net.safetensors", {"--json", "--profile", "--expect", "logits.safetensors"})));
  EXPECT_EQ(profile["accelerator"]["images"], 3);
  std::vector<std::string> layers;
  for (const auto& row : profile["profile"]) {
    layers.push_back(row["layer"]);
    EXPECT_GE(row["milliseconds"], 0);
  }
  EXPECT_THAT(layers, ::testing::ElementsAre("layer1.0", "layer1.1", "layer2_1.0", "layer2_2.0", "conv1, pool, fc"));
  EXPECT_THAT(run(with("net.safetensors", {"--profile"})), HasSubstr("ms an image"));

  EXPECT_THAT(fails(with("other.safetensors", {})),
              AllOf(HasSubstr("the engine holds program"), HasSubstr("layer2_2.0")));
  EXPECT_THAT(fails({"net.safetensors", "images.bin", "--device", "socket:none"}), HasSubstr("make device"));
  EXPECT_THAT(fails({"net.safetensors", "images.bin", "--device", "usb"}), HasSubstr("socket:PATH, serial:PATH, uio"));
}

TEST_P(Infer, FailsUnlessTheLogitsAreTheExpectedOnes) {
  const fixed::Network net = fixed::quantize(synthetic_checkpoint(small_spec(), 5));
  net.save(folder_ / "net.safetensors");
  const auto images = random_images(small_spec(), 4, 6);
  write_records("images.bin", images, {0, 1, 2, 3});
  auto logits = fixed::Runner(net).run(images);
  const auto expect = [&] {
    SafeTensors file;
    file.add<int32_t>("logits", {4, 5}, logits);
    file.save(folder_ / "expected.safetensors");
    return std::vector<std::string>{"net.safetensors", "images.bin", "--expect", "expected.safetensors"};
  };
  EXPECT_THAT(run(expect()), HasSubstr("4 images, logits equal to expected.safetensors in every bit"));
  logits[12] ^= 1;
  logits[19] ^= 1;
  EXPECT_THAT(fails(expect()),
              AllOf(HasSubstr("logits of 2 of 4 images differ"),
                    HasSubstr(fmt::format("images.bin[2], class 2: {}, expected {}", logits[12] ^ 1, logits[12]))));
  EXPECT_THAT(run({"net.safetensors", "images.bin", "--limit", "2", "--expect", "expected.safetensors"}),
              HasSubstr("2 images, logits equal"));
  EXPECT_THAT(fails({"net.safetensors", "images.bin", "images.bin", "--expect", "expected.safetensors"}),
              AllOf(HasSubstr("[4, 5]"), HasSubstr("[8, 5]")));
}

TEST_P(Infer, ReadsPicturesWhereItHasLibpng) {
  const SafeTensors checkpoint = synthetic_checkpoint(small_spec(), 5);
  fixed::quantize(checkpoint).save(folder_ / "net.safetensors");
  const auto image = random_images(small_spec(), 1, 6);
  data::Picture picture(8, 8);
  for (size_t i = 0; i < 192; ++i) picture.pixels[i % 64 * 3 + i / 64] = image[i];
  write_file(folder_ / "a.png", data::encode_png(picture));
  if (!GetParam().name.empty()) {
    EXPECT_THAT(fails({"net.safetensors", "a.png"}), HasSubstr("without libpng"));
    return;
  }
  const auto logits = fixed::Runner(fixed::quantize(checkpoint)).run(image);
  const auto best = std::max_element(logits.begin(), logits.end()) - logits.begin();
  EXPECT_EQ(run({"net.safetensors", "a.png"}), fmt::format("a.png: class{}\n", best));
  write_file(folder_ / "b.png", data::encode_png(data::Picture(9, 8)));
  EXPECT_THAT(fails({"net.safetensors", "b.png"}), HasSubstr("9 x 8 pixels in 3 channels, expected 8 x 8"));
  write_file(folder_ / "c.png", "no picture");
  EXPECT_THAT(fails({"net.safetensors", "c.png"}), HasSubstr("c.png: not a PNG picture"));
}

INSTANTIATE_TEST_SUITE_P(Machines, Infer,
                         ::testing::Values(Machine{}, Machine{"arm-linux-gnueabihf", "qemu-arm"},
                                           Machine{"aarch64-linux-gnu", "qemu-aarch64"}),
                         [](const auto& test) {
                           return test.param.name.empty() ? std::string("Native") : test.param.emulator.substr(5);
                         });

TEST(InferProgram, IsLinkedWithoutLibTorch) {
  try {
    require_tool("ldd", "libc-bin");
  } catch (const std::exception& e) {
    GTEST_SKIP() << e.what();
  }
  const odenet::testing::TemporaryFolder folder;
  run_process({"ldd", ODENET_INFER}, folder.path(), folder / "log");
  EXPECT_THAT(read_text_file(folder / "log"), ::testing::Not(HasSubstr("torch")));
}

}  // namespace
}  // namespace odenet::infer
