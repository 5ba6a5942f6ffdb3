// The networks of configs/trained: each is whole, becomes an integer network, and on its data set's test images, where
// those are at hand, reaches what it says of itself.
#include <gtest/gtest.h>

#include "data/dataset.h"
#include "eval/fixed_backend.h"
#include "eval/metrics.h"
#include "fixed/quantizer.h"
#include "nn/float_backend.h"
#include "support/real_data.h"
#include "support/synthetic.h"

namespace odenet::train {
namespace {

namespace fs = std::filesystem;

std::vector<fs::path> trained_networks() {
  std::vector<fs::path> paths;
  for (const auto& entry : fs::directory_iterator(fs::path(ODENET_CONFIGS_FOLDER) / "trained"))
    if (entry.path().extension() == ".safetensors") paths.push_back(entry.path());
  return paths;
}

// 5 of 10,000 images: Q20's allowance against float, and more than another CPU's rounding changes.
constexpr double kPoints = 0.05;

TEST(TrainedNetworks, AreNamedAfterModelAndDataSet) {
  ASSERT_FALSE(trained_networks().empty());
  for (const fs::path& path : trained_networks()) {
    const nn::Checkpoint checkpoint = nn::load_checkpoint(path);
    EXPECT_EQ(path.stem(), checkpoint.network->spec().model + "-" + checkpoint.info.dataset);
    EXPECT_EQ(checkpoint.info.notes.count("test_top1"), 1u) << path;
  }
}

TEST(TrainedNetworks, AreIntegerNetworksToo) {
  for (const fs::path& path : trained_networks()) {
    SCOPED_TRACE(path);
    nn::FloatBackend real(nn::load_checkpoint(path));
    eval::FixedBackend integer(fixed::quantize(SafeTensors::load(path)));
    const std::vector<uint8_t> images = testing::random_images(integer.runner().network().spec, 4, /*seed=*/1);
    const auto expected = real.logits(images), found = integer.logits(images);
    ASSERT_EQ(found.size(), expected.size());
    for (size_t i = 0; i < found.size(); ++i) EXPECT_NEAR(found[i], expected[i], 1e-3) << i;
    EXPECT_EQ(integer.runner().total_saturations(), 0);
  }
}

TEST(TrainedNetworks, ReachWhatTheySay) {
  for (const fs::path& path : trained_networks()) {
    SCOPED_TRACE(path);
    nn::Checkpoint checkpoint = nn::load_checkpoint(path);
    const data::DatasetInfo& info = data::find_dataset(checkpoint.info.dataset);
    const auto folder = testing::find_real_data(info.folder, {std::string(info.files.back().name)});
    if (folder.empty()) GTEST_SKIP() << info.name << " is not at hand; ODENET_REAL_DATA names a folder that has it";
    const data::Dataset test = data::load(info.name, "test", folder);
    const eval::Samples samples{test.images, test.labels};
    const double stated = std::stod(checkpoint.info.notes.at("test_top1"));
    nn::FloatBackend real(std::move(checkpoint));
    EXPECT_NEAR(100 * eval::evaluate(real, samples).top1(), stated, kPoints);
    eval::FixedBackend integer(fixed::quantize(SafeTensors::load(path)));
    EXPECT_NEAR(100 * eval::evaluate(integer, samples).top1(), stated, kPoints);
  }
}

}  // namespace
}  // namespace odenet::train
