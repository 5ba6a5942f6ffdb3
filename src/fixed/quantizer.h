// From a float checkpoint to the integer network: folds norms, the time plane, the step size and the input's
// normalisation into integers, each computed in double and rounded once, half up.
//
//   fixed::Network net = fixed::quantize(SafeTensors::load("runs/a/best.safetensors"));
//   net.save("runs/a/q20.safetensors");
//
// The checkpoint (tensors in F32, metadata as JSON):
//   metadata  "format" = "odenet-checkpoint", "spec", "dataset", "class_names" ["cat", ...],
//             "normalization" {"mean": [...], "std": [...]}: x = (pixel / 255 - mean) / std
//   "conv1.weight" [16, 3, 3, 3], "conv1.bn.weight", ".bias", ".running_mean", ".running_var" [16]
//   "<block>.conv1.weight" [C, Cin, 3, 3], "<block>.bn1.weight", ".bias" [C], ".running_mean", ".running_var" [C], in
//   ODEBlocks [executions, C] and "<block>.conv1.time_weight" [C, 1, 3, 3]; the same with conv2, bn2
//   in separable blocks "<block>.conv1.depthwise" [Cin, 1, 3, 3], "<block>.conv1.weight" [C, Cin, 1, 1] and
//   "<block>.conv1.time_weight" [C, 1, 1, 1]; with a projection "<block>.shortcut.weight" [C, Cin, 1, 1] and
//   "<block>.shortcut.bn.weight", ...
//   without running statistics in stages of instance norms (NormKind::kInstance)
//   "fc.weight" [classes, features], "fc.bias" [classes]
//
// Throws Error for missing, unexpected or misshapen tensors, for values out of a format's range (naming tensor, index,
// value and range), and for weights that break the accumulator proof.
#pragma once

#include "core/safetensors.h"
#include "fixed/network.h"

namespace odenet::fixed {

struct QuantizeOptions {
  Formats formats{};
  // Multiply the weights of each output channel that a norm follows by the largest power of two, at most
  // 2^kMaxChannelShift, that keeps them in their format and the accumulators in theirs, and divide the norm's scales by
  // it: channels of small weights lose less, and the arithmetic stays what it is. An instance norm divides by the
  // larger deviation anyway, beside which its epsilon becomes smaller.
  bool channel_scaling = false;
};

inline constexpr int kMaxChannelShift = 4;

// log2 of that power, for weights of at most that magnitude.
int channel_shift(double largest, Format format);

Network quantize(const SafeTensors& checkpoint, const QuantizeOptions& options = {});

}  // namespace odenet::fixed
