#include "nn/device.h"

#include <ATen/Context.h>
#include <ATen/detail/CUDAHooksInterface.h>
#include <torch/cuda.h>
#include <torch/version.h>

#include <algorithm>
#include <array>

#include "core/error.h"
#include "core/names.h"

namespace odenet::nn {

namespace {

constexpr std::array<Named, 3> kDevices{{
    {"auto", "a GPU if this program was built for them and one is visible, otherwise the CPU"},
    {"cpu", "the CPU"},
    {"cuda", "an NVIDIA GPU"},
}};

constexpr std::array<Named, 3> kPrecisions{{
    {"auto", "bfloat16 where the device is faster with it, otherwise float32"},
    {"float32", "everything in float32"},
    {"bfloat16", "convolutions and activations in bfloat16; weights, statistics, loss and optimiser in float32"},
}};

void require_known(std::string_view what, std::string_view name, const std::array<Named, 3>& table) {
  if (find_named(table, name) == nullptr) throw Error("{} is '{}', expected one of {}", what, name, names_of(table));
}

// LibTorch's CUDA part announces itself by these hooks when it is loaded.
bool built_with_cuda() { return at::CUDAHooksRegistry()->Has("CUDAHooks"); }

BFloat16Support cpu_bfloat16() {
  // The convolutions of other CPUs, and of a LibTorch without oneDNN, convert to float32 and back.
  if (!at::hasMKLDNN()) return {false, "this LibTorch has no oneDNN"};
#if defined(__x86_64__)
  __builtin_cpu_init();
  // Every CPU with AMX-BF16 has AVX512-BF16, too. GCC and Clang also ask whether the system saves the registers.
  if (__builtin_cpu_supports("avx512bf16")) return {true, "this CPU has AVX512-BF16"};
  return {false, "this CPU has neither AVX512-BF16 nor AMX-BF16"};
#else
  return {false, "fast bfloat16 is known of x86 CPUs and GPUs only"};
#endif
}

}  // namespace

std::span<const Named> device_names() { return kDevices; }
std::span<const Named> precision_names() { return kPrecisions; }

torch::Device choose_device(std::string_view name, int gpu) {
  require_known("device", name, kDevices);
  const auto gpus = static_cast<int>(torch::cuda::device_count());
  if (name == "cpu" || (name == "auto" && gpus == 0)) return torch::kCPU;
  if (!built_with_cuda())
    throw Error(
        "device is 'cuda', but this odenet was built with LibTorch {}, which has no CUDA; build it with one that has "
        "(README, GPU), or take device cpu",
        TORCH_VERSION);
  if (gpus == 0)
    throw Error("device is 'cuda', but no GPU is visible; does nvidia-smi show one, and what is CUDA_VISIBLE_DEVICES?");
  if (gpu < 0 || gpu >= gpus)
    throw Error(
        "GPU {} was asked for, but {} visible, counted from 0; start one process per GPU (LOCAL_RANK), or take device "
        "cpu",
        gpu, gpus == 1 ? "1 is" : fmt::format("{} are", gpus));
  return {torch::kCUDA, static_cast<c10::DeviceIndex>(gpu)};
}

torch::ScalarType scalar_type(Precision precision) {
  return precision == Precision::BFloat16 ? torch::kBFloat16 : torch::kFloat32;
}

std::string_view name_of(Precision precision) { return kPrecisions[precision == Precision::BFloat16 ? 2 : 1].name; }

BFloat16Support bfloat16_support(const torch::Device& device) {
  if (device.is_cpu()) return cpu_bfloat16();
  if (at::detail::getCUDAHooks().supportsBFloat16ConvolutionWithCuDNNv8()) return {true, "this GPU has it"};
  return {false, "this GPU, or its cuDNN, has no bfloat16 convolutions"};
}

PrecisionChoice choose_precision(std::string_view name, const torch::Device& device) {
  require_known("precision", name, kPrecisions);
  const BFloat16Support support = bfloat16_support(device);
  if (name == "float32") return {Precision::Float32, "float32: asked for", ""};
  if (name == "bfloat16")
    return {Precision::BFloat16, "bfloat16: asked for",
            support.fast ? "" : fmt::format("bfloat16 is slower than float32 here: {}", support.why)};
  const Precision precision = support.fast ? Precision::BFloat16 : Precision::Float32;
  return {precision, fmt::format("{}: {}", name_of(precision), support.why), ""};
}

}  // namespace odenet::nn
