#include "train/plan.h"

#include <algorithm>

#include "data/dataset.h"
#include "spec/zoo.h"

namespace odenet::train {

namespace {

int64_t count_images(const TrainConfig& config, const char* split, int64_t limit) {
  const auto size = static_cast<int64_t>(data::load(config.dataset, split, config.data_dir).size());
  return limit > 0 ? std::min(size, limit) : size;
}

}  // namespace

Plan make_plan(const TrainConfig& config) {
  validate(config);
  const NetworkSpec spec = make_spec(config.model, data::find_dataset(config.dataset).classes, config.end_time);
  const int64_t images = count_images(config, "train", config.train_limit);
  return {.model = spec.model,
          .parameters = parameter_count(spec),
          .macs = mac_count(spec),
          .train_images = images,
          .test_images = count_images(config, "test", config.test_limit),
          .steps = config.epochs * ((images + config.batch - 1) / config.batch),
          .threads = static_cast<int>(config.threads)};
}

}  // namespace odenet::train
