// The files of configs/: each is a valid training, named after what it holds, and none of the published ones is
// missing.
#include <gtest/gtest.h>

#include <set>

#include "core/error.h"
#include "dynamics/system.h"
#include "train/config.h"
#include "train/dynamics_training.h"
#include "train/stages.h"

namespace odenet::train {
namespace {

namespace fs = std::filesystem;

const fs::path kConfigs = ODENET_CONFIGS_FOLDER;

// Those of a data set of images; recipes and what is tested by itself are apart.
std::vector<fs::path> experiments() {
  std::vector<fs::path> paths;
  const std::set<fs::path> apart{"recipes", "adaptation", "dynamics", "gradients"};
  for (const auto& entry : fs::recursive_directory_iterator(kConfigs))
    if (entry.path().extension() == ".toml" && !apart.contains(entry.path().parent_path().filename()))
      paths.push_back(entry.path());
  return paths;
}

TrainConfig load(const fs::path& path) {
  TrainConfig config;
  load_config(config, path);
  validate(config);
  return config;
}

TEST(Configs, EachIsValidAndNamedDatasetModelRecipe) {
  for (const fs::path& path : experiments()) {
    SCOPED_TRACE(path);
    TrainConfig config;
    ASSERT_NO_THROW(config = load(path));
    EXPECT_EQ(path.parent_path().filename(), config.dataset);
    const std::string stem = path.stem().string();
    ASSERT_TRUE(stem.starts_with(config.model + "-"));
    const fs::path recipe = kConfigs / "recipes" / (stem.substr(config.model.size() + 1) + ".toml");
    ASSERT_TRUE(fs::exists(recipe)) << recipe;
    TrainConfig composed;
    load_config(composed, recipe);
    composed.model = config.model;
    composed.dataset = config.dataset;
    EXPECT_EQ(config, composed) << "an experiment is a recipe, a model and a data set";
  }
}

TEST(Configs, EveryPublishedExperimentIsThere) {
  std::set<fs::path> there;
  for (const fs::path& path : experiments()) there.insert(fs::relative(path, kConfigs));
  for (const char* recipe : {"paper", "modern"}) {
    for (const char* family : {"resnet", "odenet", "mixed-odenet", "biased-odenet"})
      for (const int n : {20, 32, 44, 56})
        EXPECT_TRUE(there.contains(fmt::format("cifar100/{}-{}-{}.toml", family, n, recipe))) << family << n << recipe;
    for (const char* dataset : {"cifar10", "svhn"})
      EXPECT_TRUE(there.contains(fmt::format("{}/resnet-20-{}.toml", dataset, recipe))) << dataset << recipe;
  }
}

TEST(Configs, NetworksWithAndWithoutSkipsAreComparedAtEqualEpochs) {
  for (const char* dataset : {"cifar10", "cifar100"})
    for (const char* experiment :
         {"resnet-20-thirty-epochs", "short-resnet-20-thirty-epochs", "nonresnet-20-thirty-epochs",
          "nonresnet-20-algorithm-1", "nonresnet-20-algorithm-1-distilled"}) {
      SCOPED_TRACE(experiment);
      TrainConfig config = load(kConfigs / "nonresnet" / dataset / (std::string(experiment) + ".toml"));
      EXPECT_EQ(config.epochs, 30);
      const bool staged = std::string_view(experiment).find("algorithm-1") != std::string_view::npos;
      EXPECT_EQ(plan_stages(config).size(), staged ? 4u : 0u);
    }
}

TEST(Configs, EveryDynamicSystemHasOneOfItsName) {
  for (const dynamics::System& system : dynamics::systems()) {
    const TrainConfig config = load(kConfigs / "dynamics" / (std::string(system.name) + ".toml"));
    EXPECT_EQ(config.dataset, system.name);
    EXPECT_TRUE(trains_dynamics(config));
  }
}

// Nothing but the gradient, or the solver, tells them apart.
TEST(Configs, GradientsAreComparedAtEqualEpochs) {
  TrainConfig recipe;
  load_config(recipe, kConfigs / "recipes/five-epochs.toml");
  recipe.dataset = "cifar10";
  for (const char* model : {"odenet-20", "rodenet-3-20"}) {
    recipe.model = model;
    const auto expect = [&](const std::string& name, const TrainConfig& config) {
      EXPECT_EQ(load(kConfigs / fmt::format("gradients/{}-{}.toml", model, name)), config) << name;
    };
    for (const char* gradient : {"backprop", "anode", "aca", "adjoint"}) {
      TrainConfig config = recipe;
      config.gradient = gradient;
      expect(gradient, config);
    }
    TrainConfig config = recipe;
    config.solver = "rk4";
    expect("rk4", config);
  }
}

TEST(Configs, AdaptationsAreNamedAfterTheirPairAndModel) {
  TrainConfig recipe;
  load_config(recipe, kConfigs / "recipes/adaptation.toml");
  struct Pair {
    const char *name, *source, *target;
  };
  for (const Pair& pair :
       {Pair{"svhn-to-mnist", "svhn", "mnist"}, Pair{"mnist-to-usps", "mnist", "usps"},
        Pair{"usps-to-mnist", "usps", "mnist"}, Pair{"sample-to-shifted", "sample", "sample-shifted"}})
    for (const char* model : {"odenet-20", "dsodenet-20"}) {
      SCOPED_TRACE(fmt::format("{}-{}", pair.name, model));
      TrainConfig composed = recipe;
      composed.model = model;
      composed.dataset = pair.source;
      composed.target = pair.target;
      EXPECT_EQ(load(kConfigs / fmt::format("adaptation/{}-{}.toml", pair.name, model)), composed);
    }
}

TEST(Configs, TheRecipeOfThePaper) {
  const TrainConfig config = load(kConfigs / "cifar100/odenet-20-paper.toml");
  EXPECT_EQ(config.epochs, 200);
  EXPECT_EQ(config.schedule, "step");
  EXPECT_EQ(config.lr, 0.01);
  EXPECT_EQ(config.milestones, (std::vector<double>{100, 150}));
  EXPECT_EQ(config.gamma, 0.1);
  EXPECT_EQ(config.weight_decay, 1e-4);
  EXPECT_TRUE(config.decay_all);
  EXPECT_EQ(config.label_smoothing, 0);
}

}  // namespace
}  // namespace odenet::train
