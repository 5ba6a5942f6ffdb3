#include "nn/checkpoint.h"

#include <torch/torch.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <set>

#include "fixed/trained_formats.h"
#include "nn/state.h"

namespace odenet::nn {

namespace {

const std::set<std::string> kOwnKeys{"format", "spec", "dataset", "class_names", "normalization"};

ModelInfo parse_info(const SafeTensors& file, int classes) {
  ModelInfo info;
  info.dataset = file.meta("dataset");
  try {
    info.class_names = nlohmann::json::parse(file.meta("class_names")).get<std::vector<std::string>>();
    const auto normalization = nlohmann::json::parse(file.meta("normalization"));
    normalization.at("mean").get_to(info.normalization.mean);
    normalization.at("std").get_to(info.normalization.std);
  } catch (const nlohmann::json::exception& e) {
    throw Error("{}: damaged metadata: {}", file.source, e.what());
  }
  if (info.class_names.size() != static_cast<size_t>(classes))
    throw Error("{}: {} class names for {} classes", file.source, info.class_names.size(), classes);
  for (const auto& [key, value] : file.metadata)
    if (!kOwnKeys.contains(key)) info.notes[key] = value;
  return info;
}

}  // namespace

SafeTensors checkpoint_tensors(const Network& network, const ModelInfo& info) {
  SafeTensors file;
  file.metadata = info.notes;
  file.metadata["format"] = kCheckpointFormat;
  file.metadata["spec"] = dump_spec(network->spec());
  file.metadata["dataset"] = info.dataset;
  file.metadata["class_names"] = nlohmann::json(info.class_names).dump();
  file.metadata["normalization"] =
      nlohmann::json{{"mean", info.normalization.mean}, {"std", info.normalization.std}}.dump();
  add_state(file, state_of(network));
  return file;
}

void save_checkpoint(const std::filesystem::path& path, const Network& network, const ModelInfo& info) {
  checkpoint_tensors(network, info).save(path);
}

Checkpoint load_checkpoint(const std::filesystem::path& path) {
  const SafeTensors file = SafeTensors::load(path);
  const auto format = file.metadata.find("format");
  if (format == file.metadata.end() || format->second != kCheckpointFormat)
    throw Error("{}: expected a checkpoint written by odenet train (format {}), found format '{}'", path.string(),
                kCheckpointFormat, format == file.metadata.end() ? "" : format->second);
  Checkpoint checkpoint;
  checkpoint.network = Network(parse_spec(file.meta("spec"), path.string()));
  checkpoint.info = parse_info(file, checkpoint.network->spec().classes);
  const auto state = state_of(checkpoint.network);
  for (const auto& [name, tensor] : file.tensors)
    if (!state.contains(name))
      throw Error("{}: unexpected tensor '{}' in a checkpoint of {}", path.string(), name,
                  checkpoint.network->spec().model);
  read_state(file, state);
  if (const int bits = fixed::trained_bits(file); bits > 0)
    checkpoint.network->set_quantization(
        {bits, fixed::formats_for_training(bits, file.meta(fixed::kTrainedActivations))});
  return checkpoint;
}

}  // namespace odenet::nn
