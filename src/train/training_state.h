// resume.safetensors: all that a training needs to go on exactly, at any step: weights, buffers, momentum, moving
// average, random generator, position in the data, and the sums behind the epoch's metrics so far. The order of the
// images and their augmentation follow from seed, epoch and image (data/loader.h), the learning rate from the step.
//
//   save_state(run.state(), config, position, sgd);
//   Position position = load_state(run.state(), config, sgd);
#pragma once

#include <cstdint>
#include <filesystem>

#include "train/config.h"
#include "train/flat_sgd.h"

namespace odenet::train {

// Sums over the images of the epoch so far.
struct EpochSums {
  double loss = 0;
  int64_t correct = 0, images = 0;
  double seconds = 0;     // spent on training
  double adapt_loss = 0;  // of the domain adaptation
  // Of adaptive integrations, forward and backward.
  double evaluations = 0, backward_evaluations = 0, trials = 0, rejected = 0;

  bool operator==(const EpochSums&) const = default;
};

struct Position {
  int64_t epoch = 0;  // epochs completed
  int64_t step = 0;   // steps completed of the next one
  EpochSums sums = {};

  bool operator==(const Position&) const = default;
};

void save_state(const std::filesystem::path& path, const TrainConfig& config, const Position& position,
                const FlatSgd& sgd);

// Errors: a damaged file, one of another kind or of other settings (threads and device may differ). Nothing is changed
// then.
Position load_state(const std::filesystem::path& path, const TrainConfig& config, FlatSgd& sgd);

}  // namespace odenet::train
