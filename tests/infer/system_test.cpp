// make system of an exported folder: odenet-infer, for this machine and for ARM, and the simulated device.
#include <gmock/gmock.h>

#include "core/file.h"
#include "core/process.h"
#include "engine/export.h"
#include "fixed/runner.h"
#include "support/engine_network.h"
#include "support/expect_error.h"
#include "support/temporary_folder.h"

namespace odenet::infer {
namespace {

namespace fs = std::filesystem;
using odenet::testing::engine_network;
using odenet::testing::have_tool;
using odenet::testing::random_images;
using ::testing::HasSubstr;

class System : public ::testing::Test {
 protected:
  System() { engine::export_folder(net_, random_images(net_.spec, 8, 1), out_, {.layer = "layer2_2", .macs = 8}); }

  // What `make system` prints.
  std::string make(const std::vector<std::string>& arguments) {
    std::vector<std::string> command{"make", "system"};
    command.insert(command.end(), arguments.begin(), arguments.end());
    run_process(command, out_, folder_ / "log");
    return read_text_file(folder_ / "log");
  }

  const fixed::Network net_ = engine_network();
  const odenet::testing::TemporaryFolder folder_;
  const fs::path out_ = folder_ / "engine";
};

TEST_F(System, GivesTheIntegerNetworksLogits) {
  SKIP_WITHOUT("verilator");
  SKIP_WITHOUT("make");
  const std::string native = std::string("INFER=") + ODENET_INFER;
  const std::string text = make({native});
  EXPECT_THAT(text, HasSubstr("8 images, logits equal to golden/logits.safetensors in every bit"));
  EXPECT_THAT(text, HasSubstr("layer2_2.0 on socket:build/system.socket: 8 images"));
  EXPECT_THAT(text, HasSubstr("PASS"));
  EXPECT_FALSE(fs::exists(out_ / "build/system.socket"));

  for (const auto& [machine, emulator] :
       {std::pair<fs::path, std::string>{"arm-linux-gnueabihf", "qemu-arm"}, {"aarch64-linux-gnu", "qemu-aarch64"}}) {
    const fs::path program = ODENET_INFER_CROSS / machine / "odenet-infer";
    if (!fs::exists(program) || !have_tool(emulator)) continue;
    EXPECT_THAT(make({"INFER=" + program.string(), "IMAGES=2"}),
                AllOf(HasSubstr("on " + emulator), HasSubstr("2 images, logits equal"), HasSubstr("PASS")));
  }

  auto logits = SafeTensors::load(out_ / "golden/logits.safetensors");
  logits.tensors.at("logits").data[4 * (5 * 6 + 1)] ^= std::byte{1};
  logits.save(out_ / "golden/logits.safetensors");
  EXPECT_ERROR(make({native}), "FAIL", "the logits of 1 of 8 images differ", "golden/images.bin[6], class 1");

  // Another network than the engine's.
  engine_network(2).save(out_ / "network.safetensors");
  EXPECT_ERROR(make({native}), "FAIL", "the engine holds program");
}

TEST_F(System, SaysWhatIsMissing) {
  SKIP_WITHOUT("make");
  EXPECT_ERROR(make({"INFER=none/odenet-infer"}), "none/odenet-infer is missing", "INFER=PATH");

  // Where there is no emulator, and for which processor the program is.
  SKIP_WITHOUT("od");
  for (const char* tool : {"sh", "od", "tr", "uname"}) {
    run_process({"sh", "-c", std::string("command -v ") + tool}, folder_.path(), folder_ / "tool");
    std::string path = read_text_file(folder_ / "tool");
    path.pop_back();
    create_folder(folder_ / "bin");
    fs::create_symlink(path, folder_ / "bin" / tool);
  }
  for (const auto& [machine, emulator] : {std::pair<char, std::string>{40, "qemu-arm"}, {'\xb7', "qemu-aarch64"}}) {
    std::string elf =
        "\x7f"
        "ELF" +
        std::string(60, '\0');
    elf[18] = machine;
    write_file(folder_ / "program", elf);
    fs::permissions(folder_ / "program", fs::perms::owner_all);
    const auto run = [&] {
      run_process(
          {"sh", "-c",
           fmt::format("PATH={} sh system.sh {} build", (folder_ / "bin").string(), (folder_ / "program").string())},
          out_, folder_ / "log");
    };
    EXPECT_ERROR(run(), emulator + " is missing: apt-get install qemu-user");
  }
}

}  // namespace
}  // namespace odenet::infer
