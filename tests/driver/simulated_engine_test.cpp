// Both drivers against the simulated engine of an exported folder, and the Python driver's integer network by itself.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <optional>
#include <thread>

#include "core/file.h"
#include "core/process.h"
#include "driver/accelerator.h"
#include "driver/byte_device.h"
#include "driver/resident.h"
#include "engine/cycles.h"
#include "engine/export.h"
#include "fixed/formats_text.h"
#include "fixed/runner.h"
#include "ode/solver.h"
#include "pseudo_line.h"
#include "spec/zoo.h"
#include "support/engine_network.h"
#include "support/expect_error.h"
#include "support/temporary_folder.h"

namespace odenet::driver {
namespace {

using odenet::testing::engine_network;
using odenet::testing::random_images;
using odenet::testing::TemporaryFolder;

// A Python that has numpy: the one that ODENET_PYTHON names, else the first one or Debian's. Empty: none.
std::string python() {
  const char* named = std::getenv("ODENET_PYTHON");
  const TemporaryFolder folder;
  for (const std::string& candidate :
       named ? std::vector<std::string>{named} : std::vector<std::string>{"python3", "/usr/bin/python3"})
    try {
      require_tool(candidate, candidate);
      run_process({candidate, "-c", "import numpy"}, folder.path(), folder / "log.txt");
      return candidate;
    } catch (const Error&) {
      continue;
    }
  return {};
}

std::span<const std::byte> bytes_of(const auto& values) { return std::as_bytes(std::span(values)); }

// A process that ends with the object.
class Process {
 public:
  explicit Process(const std::vector<std::string>& command) {
    std::vector<char*> arguments;
    for (const std::string& argument : command) arguments.push_back(const_cast<char*>(argument.c_str()));
    arguments.push_back(nullptr);
    pid_ = ::fork();
    if (pid_ == 0) {
      ::execvp(arguments[0], arguments.data());
      ::_exit(127);
    }
  }
  ~Process() {
    ::kill(pid_, SIGTERM);
    ::waitpid(pid_, nullptr, 0);
  }
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

 private:
  pid_t pid_;
};

class SimulatedEngine : public ::testing::Test {
 protected:
  // layer: empty: the whole network.
  void start(const fixed::Network& net, const std::string& layer) {
    engine::export_folder(net, images_, out_, {.layer = layer, .macs = 8});
    run_process({"make", "device-simulator"}, out_, folder_ / "make.log");
    serve();
  }

  // From the engine's folder, which has the memories' contents.
  void serve() {
    process_.emplace(std::vector<std::string>{
        "sh", "-c", fmt::format("cd {} && exec build/device/Vbridge_engine {}", out_.string(), socket_)});
    for (int i = 0; i < 600 && !std::filesystem::exists(socket_); ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }

  std::vector<int32_t> run(const fixed::Network& net, bool rewrite) { return run(net, rewrite, "socket:" + socket_); }
  std::vector<int32_t> run(const fixed::Network& net, bool rewrite, const std::string& device) {
    const engine::Program program = engine::compile(net.blocks[3], net.formats(), 8);
    Accelerator accelerator(open_device(device), program, rewrite);
    fixed::Runner runner(net);
    runner.replace_block(3, [&](std::span<const int32_t> z) { return accelerator.run(z); });
    const auto logits = runner.run(images_);
    EXPECT_EQ(accelerator.counters().compute_cycles, engine::cycles(program).compute);
    EXPECT_EQ(accelerator.counters().saturations, 0);
    return logits;
  }

  // The Python driver's logits are the integer network's, in so many cycles; nothing without Python.
  void expect_python(const fixed::Network& net, const std::string& device, int64_t compute_cycles) {
    const std::string interpreter = python();
    if (interpreter.empty()) return;
    net.save(folder_ / "network.safetensors");
    write_file(folder_ / "images", bytes_of(images_));
    write_file(folder_ / "logits", bytes_of(fixed::Runner(net).run(images_)));
    run_process({interpreter, std::string(ODENET_TESTS_FOLDER) + "/python_driver_check.py", out_ / "driver",
                 folder_ / "network.safetensors", folder_ / "images", folder_ / "logits", out_ / "report.json", device},
                folder_.path(), folder_ / "python.log");
    const std::string text = read_text_file(folder_ / "python.log");
    EXPECT_THAT(text, ::testing::HasSubstr("equal: 8 images"));
    EXPECT_THAT(text, ::testing::HasSubstr(fmt::format("'compute_cycles': {}", compute_cycles)));
  }

  TemporaryFolder folder_;
  const std::filesystem::path out_ = folder_ / "engine";
  const std::string socket_ = folder_ / "socket";
  const fixed::Network net_ = engine_network(1), other_ = engine_network(2);
  const std::vector<uint8_t> images_ = random_images(net_.spec, 8, 1);
  std::optional<Process> process_;
};

TEST_F(SimulatedEngine, AnswersBothDriversAsTheIntegerNetwork) {
  SKIP_WITHOUT("verilator");
  SKIP_WITHOUT("make");
  start(net_, "layer2_2");
  const auto logits = fixed::Runner(net_).run(images_);
  const int64_t compute_cycles = engine::cycles(engine::compile(net_.blocks[3], net_.formats(), 8)).compute;
  EXPECT_EQ(run(net_, false), logits);
  EXPECT_ERROR(run(other_, false), "holds program");

  {
    const testing::PseudoLine line(socket_);
    EXPECT_EQ(run(net_, false, "serial:" + line.path()), logits);
  }

  expect_python(net_, "socket:" + socket_, compute_cycles);
  expect_python(net_, "pynq:" + socket_, compute_cycles);
  {
    const testing::PseudoLine line(socket_);
    expect_python(net_, "serial:" + line.path(), compute_cycles);
  }

  // The weights of another network, and no new engine: by Python, back, and by C++.
  if (const std::string interpreter = python(); !interpreter.empty()) {
    const std::filesystem::path other = folder_ / "other";
    engine::export_folder(other_, images_, other, {.layer = "layer2_2", .macs = 8});
    const auto rewrite = [&](const std::filesystem::path& folder) {
      run_process(
          {interpreter, "-c",
           fmt::format("import sys; sys.path.insert(0, '{}'); from devices import *; from odenet_fpga import *\n"
                       "Accelerator(SocketDevice('{}')).rewrite('{}')",
                       (out_ / "driver").string(), socket_, folder.string())},
          folder_.path(), folder_ / "python.log");
    };
    rewrite(other);
    EXPECT_EQ(run(other_, false), fixed::Runner(other_).run(images_));
    engine::export_folder(net_, images_, folder_ / "layer1", {.layer = "layer1.0", .macs = 8});
    EXPECT_ERROR(rewrite(folder_ / "layer1"), "another program or other parameters");
    write_file(other / "rom/shift.hex", "00000000\n");
    EXPECT_ERROR(rewrite(other), "shift.hex: 1 words, expected 48");
    EXPECT_EQ(run(other_, false), fixed::Runner(other_).run(images_)) << "nothing was written";
    rewrite(out_);
    EXPECT_EQ(run(net_, false), logits);
  }
  EXPECT_EQ(run(other_, true), fixed::Runner(other_).run(images_));
  EXPECT_EQ(run(other_, false), fixed::Runner(other_).run(images_));
}

TEST_F(SimulatedEngine, WithAWholeNetworkAnswersBothDrivers) {
  SKIP_WITHOUT("verilator");
  SKIP_WITHOUT("make");
  const fixed::Network net = engine_network(1, fixed::formats_from("16.9", "16.12"));
  start(net, "");
  int64_t compute_cycles = 0;
  {
    auto device = open_device("socket:" + socket_);
    const Resident resident = find_resident(*device, net);
    EXPECT_FALSE(resident.block);
    compute_cycles = engine::cycles(resident.program).compute;
    Accelerator accelerator(std::move(device), resident.program);
    fixed::Runner runner(net);
    resident.replace(runner, [&](std::span<const int32_t> input) { return accelerator.run(input); });
    EXPECT_EQ(runner.run(images_), fixed::Runner(net).run(images_));
    EXPECT_EQ(accelerator.totals().images, 8);
    EXPECT_EQ(accelerator.counters().compute_cycles, compute_cycles);
  }
  expect_python(net, "socket:" + socket_, compute_cycles);
}

// Its second instruction is none: the engine takes an image, and stops.
TEST_F(SimulatedEngine, NamesTheFaultOfAnIllegalInstruction) {
  SKIP_WITHOUT("verilator");
  SKIP_WITHOUT("make");
  start(net_, "layer2_2");
  std::string program = read_text_file(out_ / "rom/program.hex");
  program[program.find("  // convolve") - 1] = 'f';
  write_file(out_ / "rom/program.hex", program);
  process_.reset();
  std::filesystem::remove(socket_);
  serve();
  const engine::Program expected = engine::compile(net_.blocks[3], net_.formats(), 8);
  {
    Accelerator accelerator(std::make_unique<ByteDevice>(connect_socket(socket_, /*seconds=*/1), "device"), expected);
    for (int again = 0; again < 2; ++again)
      EXPECT_ERROR(accelerator.run(std::vector<int32_t>(512)), "device: the engine does not answer",
                   "STATUS was 0x5, BUSY, FAULT");
  }
  if (const std::string interpreter = python(); !interpreter.empty()) {
    run_process({interpreter, std::string(ODENET_TESTS_FOLDER) + "/python_fault_check.py", out_ / "driver", socket_},
                folder_.path(), folder_ / "python.log");
    EXPECT_THAT(read_text_file(folder_ / "python.log"), ::testing::HasSubstr("STATUS was 0x5, BUSY, FAULT"));
  }
}

// Every kind of block that the integer network has.
struct PythonCase {
  std::string model;
  NormKind norm = NormKind::kBatch;
  std::string activations{}, weights{};  // formats; empty: Q20
};

void PrintTo(const PythonCase& c, std::ostream* out) { *out << c.model << " " << c.activations; }

class PythonNetwork : public ::testing::TestWithParam<PythonCase> {};

TEST_P(PythonNetwork, EqualsTheIntegerNetwork) {
  const std::string interpreter = python();
  if (interpreter.empty()) GTEST_SKIP() << "no Python with numpy; ODENET_PYTHON may name one";
  const TemporaryFolder folder;
  const auto& [model, norm, activations, weights] = GetParam();
  NetworkSpec spec = with_norms(make_spec(model, 10), norm);
  spec.height = spec.width = 16;
  const fixed::Network net = fixed::quantize(odenet::testing::synthetic_checkpoint(spec, 1),
                                             {.formats = fixed::formats_from(activations, weights)});
  const auto images = random_images(spec, 2, 1);
  net.save(folder / "q20.safetensors");
  write_file(folder / "images", bytes_of(images));
  write_file(folder / "logits", bytes_of(fixed::Runner(net).run(images)));
  run_process({interpreter, std::string(ODENET_TESTS_FOLDER) + "/python_driver_check.py",
               ODENET_HW_FOLDER "/driver/python", folder / "q20.safetensors", folder / "images", folder / "logits"},
              folder.path(), folder / "python.log");
  EXPECT_THAT(read_text_file(folder / "python.log"), ::testing::HasSubstr("equal: 2 images"));
}

// Two steps of every solver, in Q20 and in few bits.
TEST(PythonSolvers, EqualTheIntegerNetworks) {
  const std::string interpreter = python();
  if (interpreter.empty()) GTEST_SKIP() << "no Python with numpy; ODENET_PYTHON may name one";
  const TemporaryFolder folder;
  for (const ode::Solver& solver : ode::solvers())
    for (const char* format : {"", "16.11"}) {
      const NetworkSpec spec = with_solver(odenet::testing::small_spec(), solver.name, 2);
      const fixed::Network net = fixed::quantize(odenet::testing::synthetic_checkpoint(spec, 1),
                                                 {.formats = fixed::formats_from(format, format)});
      const auto images = random_images(spec, 3, 1);
      net.save(folder / "network.safetensors");
      write_file(folder / "images", bytes_of(images));
      write_file(folder / "logits", bytes_of(fixed::Runner(net).run(images)));
      EXPECT_NO_THROW(run_process(
          {interpreter, std::string(ODENET_TESTS_FOLDER) + "/python_driver_check.py", ODENET_HW_FOLDER "/driver/python",
           folder / "network.safetensors", folder / "images", folder / "logits"},
          folder.path(), folder / "python.log"))
          << solver.name << " " << format;
    }
}

INSTANTIATE_TEST_SUITE_P(Families, PythonNetwork,
                         ::testing::Values(PythonCase{"biased-odenet-20"},                        //
                                           PythonCase{"biased-odenet-20", NormKind::kInstance},   //
                                           PythonCase{"resnet-b-20"},                             //
                                           PythonCase{"resnet-b-20", NormKind::kInstance},        //
                                           PythonCase{"short-resnet-b-20"},                       //
                                           PythonCase{"short-resnet-b-20", NormKind::kInstance},  //
                                           PythonCase{"nonresnet-20"},                            //
                                           PythonCase{"nonresnet-20", NormKind::kInstance},       //
                                           PythonCase{"dsodenet-s2-20"},                          //
                                           PythonCase{"dsodenet-s2-20", NormKind::kInstance},
                                           PythonCase{"biased-odenet-20", NormKind::kBatch, "16.9", "16.12"},
                                           PythonCase{"short-resnet-b-20", NormKind::kBatch, "18.10", "18.14"},
                                           PythonCase{"dsodenet-s2-20", NormKind::kBatch, "12.6", "12.9"},
                                           PythonCase{"resnet-b-20", NormKind::kBatch, "8.4", "8.6"}));

}  // namespace
}  // namespace odenet::driver
