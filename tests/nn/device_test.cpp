#include "nn/device.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/torch.h>

#include <fstream>
#include <iterator>

#include "support/expect_error.h"

namespace odenet::nn {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

TEST(ChooseDevice, EveryNameOfTheTableIsADeviceOrAClearError) {
  const bool gpu = torch::cuda::is_available();
  for (const Named& row : device_names()) {
    SCOPED_TRACE(row.name);
    if (row.name == "cpu" || (row.name == "auto" && !gpu)) {
      EXPECT_TRUE(choose_device(row.name).is_cpu());
    } else if (gpu) {
      EXPECT_EQ(choose_device(row.name), torch::Device(torch::kCUDA, 0));
    } else {
      EXPECT_ERROR(choose_device(row.name), "device is 'cuda'");
    }
  }
}

TEST(ChooseDevice, SaysWhatIsThereAndWhatToDo) {
  EXPECT_ERROR(choose_device("gpu"), "device is 'gpu'", "auto, cpu, cuda");
  EXPECT_ERROR(choose_device(""), "device is ''");
  if (torch::cuda::is_available())
    EXPECT_ERROR(choose_device("cuda", 1000), "GPU 1000", "LOCAL_RANK");
  else
    EXPECT_ERROR(choose_device("cuda"),
                 at::CUDAHooksRegistry()->Has("CUDAHooks") ? "no GPU is visible" : "has no CUDA");
}

TEST(ChoosePrecision, AutoTakesBFloat16WhereTheKernelListsTheInstructions) {
  std::ifstream file("/proc/cpuinfo");
  const std::string cpuinfo{std::istreambuf_iterator<char>(file), {}};
  if (cpuinfo.find("\nflags") == std::string::npos) GTEST_SKIP() << "no x86 flags in /proc/cpuinfo";
  const bool listed =
      cpuinfo.find(" avx512_bf16") != std::string::npos || cpuinfo.find(" amx_bf16") != std::string::npos;
  const PrecisionChoice choice = choose_precision("auto", torch::kCPU);
  EXPECT_EQ(choice.precision, listed ? Precision::BFloat16 : Precision::Float32) << choice.why;
  EXPECT_THAT(choice.why, HasSubstr("BF16"));
  EXPECT_THAT(choice.warning, IsEmpty());
}

TEST(ChoosePrecision, AnAskedForPrecisionIsTaken) {
  EXPECT_EQ(choose_precision("float32", torch::kCPU).precision, Precision::Float32);
  EXPECT_THAT(choose_precision("float32", torch::kCPU).warning, IsEmpty());
  const PrecisionChoice choice = choose_precision("bfloat16", torch::kCPU);
  EXPECT_EQ(choice.precision, Precision::BFloat16);
  if (bfloat16_support(torch::kCPU).fast)
    EXPECT_THAT(choice.warning, IsEmpty());
  else
    EXPECT_THAT(choice.warning, HasSubstr("slower than float32"));
  EXPECT_ERROR(choose_precision("float16", torch::kCPU), "precision is 'float16'", "auto, float32, bfloat16");
}

TEST(Precision, NamesAreThoseOfTheTable) {
  EXPECT_EQ(name_of(Precision::Float32), "float32");
  EXPECT_EQ(name_of(Precision::BFloat16), "bfloat16");
  EXPECT_EQ(scalar_type(Precision::BFloat16), torch::kBFloat16);
  EXPECT_EQ(scalar_type(Precision::Float32), torch::kFloat32);
  for (const Named& row : precision_names()) EXPECT_THAT(std::string(row.help), Not(IsEmpty()));
}

}  // namespace
}  // namespace odenet::nn
