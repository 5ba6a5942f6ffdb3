// A trained network as a file: safetensors whose metadata carries everything needed to use it.
//
//   save_checkpoint("last.safetensors", net, info);
//   auto [net, info] = load_checkpoint("best.safetensors");
//
// metadata: "format" = "odenet-checkpoint", "spec", "dataset", "class_names", "normalization" {"mean", "std"} (JSON),
// and what training adds ("epoch", "top1", ...; "quantize" and "activations" of fixed/trained_formats.h: the network is
// then loaded as one that rounds so). Tensors are F32 in row-major [out, in, 3, 3], named as in
// nn/network.h.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "core/safetensors.h"
#include "data/normalize.h"
#include "nn/network.h"

namespace odenet::nn {

struct ModelInfo {
  std::string dataset;
  std::vector<std::string> class_names;
  data::Normalization normalization;
  std::map<std::string, std::string> notes;  // further metadata
};

SafeTensors checkpoint_tensors(const Network& network, const ModelInfo& info);
void save_checkpoint(const std::filesystem::path& path, const Network& network, const ModelInfo& info);

struct Checkpoint {
  Network network{nullptr};
  ModelInfo info;
};

// Errors: damaged file, a file of another kind, missing, unexpected or misshapen tensors, values that are not finite.
Checkpoint load_checkpoint(const std::filesystem::path& path);

}  // namespace odenet::nn
