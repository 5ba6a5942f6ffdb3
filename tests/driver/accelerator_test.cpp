#include "driver/accelerator.h"

#include <gtest/gtest.h>

#include <numeric>

#include "engine/compiler.h"
#include "engine/registers.h"
#include "fake_device.h"
#include "support/engine_network.h"
#include "support/expect_error.h"

namespace odenet::driver {
namespace {

using odenet::testing::engine_network;
using testing::FakeDevice;
namespace reg = engine::reg;

class AcceleratorTest : public ::testing::Test {
 protected:
  static engine::Program program(uint32_t seed, int macs = 8) {
    const fixed::Network net = engine_network(seed);
    return engine::compile(net.blocks[3], net.formats(), macs);
  }
  Accelerator make(bool rewrite = false) {
    auto owned = std::make_unique<FakeDevice>(program_);
    device_ = owned.get();
    for (const auto& [offset, value] : changed_) device_->registers[offset] = value;
    device_->status_after_reset = status_after_reset_;
    return Accelerator(std::move(owned), expected_, rewrite);
  }

  const engine::Program program_ = program(1);  // in the device
  engine::Program expected_ = program_;
  std::map<uint32_t, uint32_t> changed_;
  uint32_t status_after_reset_ = 0;
  FakeDevice* device_ = nullptr;
};

TEST_F(AcceleratorTest, SendsOneImageAfterTheOther) {
  Accelerator accelerator = make();
  EXPECT_EQ(device_->registers[reg::kControl], engine::kControlEnable | engine::kControlReset);
  EXPECT_EQ(device_->registers[reg::kImagesPerPacket], 1u) << "whatever an earlier host wanted";
  std::vector<int32_t> images(3 * 512), expected(images.size());
  std::iota(images.begin(), images.end(), -700);
  for (size_t i = 0; i < images.size(); ++i) expected[i] = -images[i];
  EXPECT_EQ(accelerator.run(images), expected);
  EXPECT_ERROR(accelerator.run(std::span(images).first(100)), "100 activations", "512");
  EXPECT_EQ(accelerator.totals().images, 3);
  EXPECT_EQ(accelerator.totals().compute_cycles, 3 * 1000);
  EXPECT_EQ(accelerator.totals().saturations, 3 * 4);
  EXPECT_EQ(accelerator.counters().images, 1);
}

TEST_F(AcceleratorTest, RefusesWhatIsNotItsEngine) {
  changed_ = {{reg::kId, 7}};
  EXPECT_ERROR(make(), "no engine there", "0x00000007");
  changed_ = {{reg::kVersion, 0x10000}};
  EXPECT_ERROR(make(), "interface 1", "knows 2");
  changed_ = {{reg::kHashHigh, 0}};
  EXPECT_ERROR(make(), "program 00000000", "layer2_2.0", "bitstream");
}

TEST_F(AcceleratorTest, ReportsErrorsOfTheEngine) {
  Accelerator accelerator = make();
  for (const auto& [status, name] :
       {std::pair{engine::kStatusFault, "0x4, FAULT"}, {engine::kStatusStreamError, "0x8, STREAM_ERROR"}}) {
    device_->registers[reg::kStatus] = status;
    EXPECT_ERROR(accelerator.run(std::vector<int32_t>(512)), name);
    EXPECT_NO_THROW(accelerator.run(std::vector<int32_t>(512))) << "reset: " << name;
  }
}

TEST_F(AcceleratorTest, SaysWhatTheEngineSaysWhenATransferFails) {
  Accelerator accelerator = make();
  device_->broken = true;
  EXPECT_ERROR(accelerator.run(std::vector<int32_t>(512)), "it takes too long", "STATUS was 0x5, BUSY, FAULT");
  EXPECT_EQ(device_->registers[reg::kStatus], 0u) << "reset";
  device_->broken = false;
  EXPECT_NO_THROW(accelerator.run(std::vector<int32_t>(512)));
}

TEST_F(AcceleratorTest, RewritesTheMemories) {
  expected_ = program(2);
  EXPECT_ERROR(make(), "holds program");
  Accelerator accelerator = make(/*rewrite=*/true);
  EXPECT_EQ(device_->memories[0], expected_.weights[0]);
  EXPECT_EQ(device_->memories[engine::kMemoryTimeBias], expected_.time_bias);
  EXPECT_EQ(device_->memories[engine::kMemoryScale], expected_.scale);
  EXPECT_EQ(device_->memories[engine::kMemoryShift], expected_.shift);
  EXPECT_EQ(device_->registers[reg::kHashLow], static_cast<uint32_t>(engine::program_hash(expected_)));
  EXPECT_EQ(device_->registers[reg::kHashHigh], static_cast<uint32_t>(engine::program_hash(expected_) >> 32));
}

TEST_F(AcceleratorTest, DoesNotRewriteWhatCannotBe) {
  expected_ = program(2);
  changed_ = {{reg::kLanes, 0x00801}};
  EXPECT_ERROR(make(true), "read-only");
  changed_.clear();
  status_after_reset_ = engine::kStatusBusy;
  EXPECT_ERROR(make(true), "busy", "0x1, BUSY");
  status_after_reset_ = 0;
  expected_ = program(1, 16);
  EXPECT_ERROR(make(true), "8 multiply-accumulate lanes", "the program 16");
}

// The same lanes and images, and a program of other instructions, or other parameters.
TEST_F(AcceleratorTest, DoesNotRewriteAnEngineOfAnotherShape) {
  const engine::Program other = program(2);
  expected_ = other;
  ++expected_.instructions[3].count;
  EXPECT_ERROR(make(true), "another program", "shape", "layer2_2.0");
  EXPECT_TRUE(device_->memories.empty());
  expected_ = other;
  --expected_.parameters.scale_fraction;
  EXPECT_ERROR(make(true), "other parameters");
  expected_ = other;
  expected_.name = "layer9";
  EXPECT_NO_THROW(make(true)) << "the name is none of them";
}

}  // namespace
}  // namespace odenet::driver
