// The stages in which a network loses its skips: Algorithm 1 of the NonResNet paper for any network, number of skips at
// a time and share of the epochs. Each stage trains one network, which begins with the weights of the one before.
//
//   config.model = "nonresnet-20"; config.start = "short-resnet-20"; config.skips_a_stage = 3;
//   for (const TrainingStage& stage : plan_stages(config)) ...    // short-resnet-20, two between, nonresnet-20
//
// A stage is a training of its own: learning-rate schedule, warm-up and milestones are those of the whole one, scaled
// to its epochs; the seed differs, so that the images are augmented in new ways.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "train/config.h"

namespace odenet::train {

struct TrainingStage {
  TrainConfig config;  // of this stage alone; where its weights and its teacher lie is not yet in it
  NetworkSpec spec;
  std::string name;  // "2-short-resnet-20"
};

// `config`, with `auto` replaced, and the epochs of the stages if there are any. teacher: the network of
// config.teacher; needed if that is not empty. Errors: the start is not the model with more skips; epochs and learning
// rates are not as many as stages; a teacher of no use.
TrainConfig resolve_stages(TrainConfig config, const std::optional<NetworkSpec>& teacher = {});

// The network that a training which starts with neither the model nor the teacher begins with.
NetworkSpec start_network(const TrainConfig& config);

// None if the model is trained as it is. config: of resolve_stages().
std::vector<TrainingStage> plan_stages(const TrainConfig& config, const std::optional<NetworkSpec>& teacher = {});

// Whether train/staged_training.h has to do it.
bool needs_stages(const TrainConfig& config);

// The epochs of a resolved config, from its start, that do not train the model itself.
int64_t epochs_before_model(const TrainConfig& config);

// What can be said about these settings without the teacher; Error says what is expected.
void validate_stages(const TrainConfig& config);

}  // namespace odenet::train
