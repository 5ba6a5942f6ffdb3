// Where a network runs, and in which precision: the user's words against what this machine and this LibTorch have.
//
//   const torch::Device device = nn::choose_device("auto");                   // cuda:0, or cpu
//   const nn::PrecisionChoice choice = nn::choose_precision("auto", device);
//   log(choice.why);                                                          // "bfloat16: this CPU has AVX512-BF16"
//   if (!choice.warning.empty()) log(choice.warning);
//   x = x.to(device, nn::scalar_type(choice.precision));
//
// Errors name what was asked for, what is there, and how to get it.
#pragma once

#include <torch/types.h>

#include <span>
#include <string>
#include <string_view>

namespace odenet::nn {

struct Named {
  std::string_view name, help;
};
std::span<const Named> device_names();     // auto, cpu, cuda
std::span<const Named> precision_names();  // auto, float32, bfloat16

// `gpu` is the number of the GPU among the visible ones; several processes on one machine take one each.
torch::Device choose_device(std::string_view name, int gpu = 0);

enum class Precision { Float32, BFloat16 };  // of convolutions and activations; weights and statistics stay float32
torch::ScalarType scalar_type(Precision precision);
std::string_view name_of(Precision precision);  // "bfloat16"

struct PrecisionChoice {
  Precision precision = Precision::Float32;
  std::string why;      // one line for the log
  std::string warning;  // empty, or why what was asked for is a bad idea here
};
PrecisionChoice choose_precision(std::string_view name, const torch::Device& device);

// Whether bfloat16 convolutions are faster than float32 ones on that device, and the reason.
struct BFloat16Support {
  bool fast = false;
  std::string why;  // "this CPU has AVX512-BF16"
};
BFloat16Support bfloat16_support(const torch::Device& device);

}  // namespace odenet::nn
