#include "train/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "core/file.h"
#include "support/expect_error.h"
#include "support/temporary_folder.h"

namespace odenet::train {
namespace {

TEST(TrainConfig, TomlRoundTrip) {
  TrainConfig config;
  set_field(config, "model", "resnet-32");
  set_field(config, "epochs", "200");
  set_field(config, "lr", "0.05");
  set_field(config, "nesterov", "false");
  set_field(config, "milestones", "100,150,175.5");
  set_field(config, "weight_decay", "1e-20");
  set_field(config, "mixup", "0.30000000000000004");
  set_field(config, "data_dir", "a \"quoted\" \\ 'folder'\n\u00e9");
  const testing::TemporaryFolder folder;
  write_file(folder / "config.toml", to_toml(config));
  TrainConfig loaded;
  load_config(loaded, folder / "config.toml");
  EXPECT_EQ(loaded, config);
  EXPECT_EQ(loaded.milestones, (std::vector<double>{100, 150, 175.5}));
  EXPECT_FALSE(loaded.nesterov);
}

TEST(TrainConfig, EveryFieldGivesItsTextBack) {
  for (const Field& field : fields()) {
    TrainConfig config;
    set_field(config, field.name, field_text(config, field));
    EXPECT_EQ(config, TrainConfig()) << field.name;
  }
}

// Headings of --help and of config.toml.
TEST(TrainConfig, FieldsOfAGroupStandTogether) {
  std::vector<std::string> headings;
  for (const Field& field : fields())
    if (headings.empty() || field.group != headings.back()) headings.emplace_back(field.group);
  EXPECT_GT(headings.size(), 4u);
  EXPECT_THAT(headings, ::testing::Each(::testing::Not(::testing::IsEmpty())));
  EXPECT_EQ(std::set<std::string>(headings.begin(), headings.end()).size(), headings.size());
  const std::string toml = to_toml({});
  EXPECT_TRUE(toml.starts_with("# " + headings.front() + "\nmodel = "));
  for (const std::string& heading : headings) EXPECT_THAT(toml, ::testing::HasSubstr("# " + heading + "\n"));
}

TEST(TrainConfig, FieldsHaveTypes) {
  const auto type_of = [](std::string_view name) {
    return field_type(*std::ranges::find(fields(), name, &Field::name));
  };
  EXPECT_EQ(type_of("model"), "TEXT");
  EXPECT_EQ(type_of("epochs"), "INT");
  EXPECT_EQ(type_of("lr"), "FLOAT");
  EXPECT_EQ(type_of("augment"), "BOOL");
  EXPECT_EQ(type_of("milestones"), "LIST");
}

TEST(TrainConfig, ErrorsNameFieldValueAndExpectation) {
  TrainConfig config;
  EXPECT_ERROR(set_field(config, "epochs", "ten"), "epochs is 'ten'", "whole number");
  EXPECT_ERROR(set_field(config, "lr", "0.1x"), "lr is '0.1x'", "a number");
  EXPECT_ERROR(set_field(config, "augment", "yes"), "true or false");
  EXPECT_ERROR(set_field(config, "milestones", "1;2"), "commas");
  EXPECT_ERROR(set_field(config, "learning_rate", "1"), "unknown setting 'learning_rate'", "label_smoothing");
}

TEST(TrainConfig, FileErrorsNameTheFile) {
  const testing::TemporaryFolder folder;
  const auto file = folder / "bad.toml";
  TrainConfig config;
  write_file(file, "epochs = 3\nlr == 1\n");
  EXPECT_ERROR(load_config(config, file), "bad.toml:2");
  write_file(file, "epoch = 3\n");
  EXPECT_ERROR(load_config(config, file), "bad.toml", "unknown setting 'epoch'");
  write_file(file, "epochs = \"many\"\n");
  EXPECT_ERROR(load_config(config, file), "bad.toml", "epochs is 'many'");
  EXPECT_ERROR(load_config(config, folder / "none.toml"), "none.toml", "No such file");
}

TEST(TrainConfig, ExtendsInOrderAndOwnKeysWin) {
  const testing::TemporaryFolder folder;
  create_folder(folder / "recipes");
  write_file(folder / "recipes/base.toml", "lr = 0.1\nepochs = 1\nbatch = 1\nseed = 1\n");
  write_file(folder / "recipes/a.toml", "extends = \"base.toml\"\nepochs = 2\nbatch = 2\nseed = 2\n");
  write_file(folder / "b.toml", "batch = 3\nseed = 3\n");
  write_file(folder / "top.toml", "seed = 4\nextends = [\"recipes/a.toml\", \"./b.toml\"]\n");
  TrainConfig config;
  load_config(config, folder / "top.toml");
  EXPECT_EQ(config.lr, 0.1);
  EXPECT_EQ(config.epochs, 2);
  EXPECT_EQ(config.batch, 3);
  EXPECT_EQ(config.seed, 4);
  EXPECT_EQ(to_toml(config).find("extends"), std::string::npos);

  write_file(folder / "twice.toml", "extends = [\"recipes/base.toml\", \"recipes/a.toml\"]\n");
  EXPECT_NO_THROW(load_config(config, folder / "twice.toml")) << "a file may be reached by two ways";
}

TEST(TrainConfig, ErrorsOfExtendedFilesNameTheChain) {
  const testing::TemporaryFolder folder;
  const std::string a = (folder / "a.toml").string(), b = (folder / "b.toml").string();
  TrainConfig config;
  write_file(a, "extends = \"b.toml\"\n");
  EXPECT_ERROR(load_config(config, a), a + " extends " + b + ": cannot read " + b, "No such file");
  write_file(b, "extends = [\"a.toml\"]\n");
  EXPECT_ERROR(load_config(config, a), a + " extends " + b + " extends " + a + ": a circle");
  write_file(b, "epochs = 1\nepoch = 3\n");
  EXPECT_ERROR(load_config(config, a), a + " extends " + b + ": unknown setting 'epoch'");
  write_file(b, "epochs = 1\nlr == 3\n");
  EXPECT_ERROR(load_config(config, a), a + " extends " + b + ":2: ");
  write_file(a, "extends = 5\n");
  EXPECT_ERROR(load_config(config, a), a, "name of a file");
  write_file(a, "extends = [\"\"]\n");
  EXPECT_ERROR(load_config(config, a), a, "name of a file");
  EXPECT_ERROR(set_field(config, "extends", "b.toml"), "unknown setting 'extends'");
}

struct BadSetting {
  const char* field;
  const char* value;
  const char* message;
};

class Validate : public ::testing::TestWithParam<BadSetting> {};

TEST_P(Validate, RefusesWhatCannotWork) {
  TrainConfig config;
  set_field(config, GetParam().field, GetParam().value);
  EXPECT_ERROR(validate(config), GetParam().message);
}

INSTANTIATE_TEST_SUITE_P(
    Each, Validate,
    ::testing::Values(
        BadSetting{"model", "resnet-21", "8, 14, 20"}, BadSetting{"dataset", "imagenet", "cifar10"},
        BadSetting{"schedule", "none", "cosine"}, BadSetting{"epochs", "-1", "epochs is '-1'"},
        BadSetting{"batch", "0", "batch is '0'"}, BadSetting{"lr", "0", "lr is '0'"},
        BadSetting{"momentum", "1", "momentum is '1'"}, BadSetting{"momentum", "0", "with nesterov"},
        BadSetting{"weight_decay", "-1", "weight_decay"}, BadSetting{"gamma", "0", "gamma"},
        BadSetting{"label_smoothing", "1", "label_smoothing"}, BadSetting{"end_time", "0", "end time"},
        BadSetting{"warmup_epochs", "-1", "0 or more"}, BadSetting{"milestones", "-5", "milestones"},
        BadSetting{"milestones", "nan", "milestones"}, BadSetting{"cutout", "33", "0 to 32"},
        BadSetting{"mixup", "-0.1", "mixup"}, BadSetting{"ema", "1", "ema"},
        BadSetting{"norm", "layer", "one of batch, instance"}, BadSetting{"test_every", "0", "1 or more"},
        BadSetting{"checkpoint_minutes", "-1", "checkpoint_minutes"},
        BadSetting{"precision", "float16", "auto, float32, bfloat16"}, BadSetting{"device", "tpu", "auto, cpu, cuda"},
        BadSetting{"threads", "-2", "threads"}, BadSetting{"seed", "-1", "seed"},
        BadSetting{"train_limit", "-1", "train_limit"}, BadSetting{"test_limit", "-1", "test_limit"},
        BadSetting{"adapt", "dan", "none, adabn, dann, mmd, coral"}, BadSetting{"adapt_weight", "-1", "0 or more"},
        BadSetting{"adapt_statistics", "both", "separate, joint"}, BadSetting{"solver", "rk5", "rk4, rk4-38"},
        BadSetting{"steps", "-1", "steps is -1"}, BadSetting{"steps", "5000", "steps is 5000"},
        BadSetting{"controller", "pd", "unknown step controller 'pd'"},
        BadSetting{"controller", "pi", "no error estimate"}, BadSetting{"gradient", "magic", "backprop, anode"},
        BadSetting{"gradient", "mali", "cannot be undone"}),
    [](const auto& test) { return fmt::format("{}_{}", test.param.field, test.index); });

TEST(TrainConfig, ATargetHasTheClassesOfTheSource) {
  TrainConfig config;
  config.adapt = "dann";
  EXPECT_ERROR(validate(config), "adapt is 'dann'", "none without a target");
  config.target = "cifar100";
  EXPECT_ERROR(validate(config), "target is 'cifar100'", "classes of sample, which has 10; it has 100");
  config.target = "imagenet";
  EXPECT_ERROR(validate(config), "'imagenet'", "mnist");
  config.target = "sample-shifted";
  EXPECT_NO_THROW(validate(config));
  config.adapt = "none";
  EXPECT_NO_THROW(validate(config));
}

TEST(TrainConfig, WarmupNeedsAScheduleWithoutOneAndMoreEpochs) {
  TrainConfig config;
  config.warmup_epochs = 5;
  EXPECT_ERROR(validate(config), "warmup_epochs is '5'", "one-cycle");
  config.schedule = "cosine";
  EXPECT_NO_THROW(validate(config));
  config.epochs = 5;
  EXPECT_ERROR(validate(config), "warmup_epochs is '5'", "less than the 5 epochs");
  config.epochs = 0;
  EXPECT_NO_THROW(validate(config));
}

TEST(TrainConfig, SolversAndGradientsNeedAnOdeBlockAndEnoughPrecision) {
  TrainConfig config;
  config.solver = "leapfrog";
  config.gradient = "mali";
  EXPECT_NO_THROW(validate(config));
  EXPECT_EQ(network_spec(config).stages.back().executions, 7) << "six steps and the start";
  config.precision = "bfloat16";
  EXPECT_ERROR(validate(config), "precision is 'bfloat16'", "float32", "mali");
  config = {};
  config.model = "resnet-20";
  config.gradient = "anode";
  EXPECT_ERROR(validate(config), "gradient is 'anode'", "no ODEBlock");
  config.gradient = "backprop";
  config.steps = 3;
  EXPECT_ERROR(validate(config), "resnet-20", "no ODEBlock");
}

TEST(TrainConfig, StepSizeStandsForSteps) {
  TrainConfig config;
  config.solver = "midpoint";
  config.step_size = 0.25;
  EXPECT_NO_THROW(validate(config));
  EXPECT_EQ(network_spec(config).stages.back().executions, 8) << "four steps of two evaluations";
  config.end_time = 2;
  EXPECT_EQ(network_spec(config).stages.back().executions, 16);
  config.step_size = 0.3;
  EXPECT_ERROR(validate(config), "step-size is 0.3", "2");
  config.step_size = 0.25;
  config.steps = 8;
  EXPECT_ERROR(validate(config), "step_size is '0.25'", "one of the two");
  config.steps = 0;
  config.solver = "heun-euler";
  config.controller = "slope";
  EXPECT_ERROR(validate(config), "step_size is '0.25'", "controller slope");
}

TEST(TrainConfig, AdaptiveStepsChooseTheirNumberAndNeedFloat32) {
  TrainConfig config;
  config.solver = "heun-euler";
  config.controller = "slope";
  config.accepts = 2;
  EXPECT_NO_THROW(validate(config));
  EXPECT_EQ(network_spec(config).stages.back().steps.accepts, 2);
  config.rtol = -1;
  EXPECT_ERROR(validate(config), "rtol", "-1");
  config.rtol = 1e-3;
  config.steps = 4;
  EXPECT_ERROR(validate(config), "steps is '4'", "controller slope");
  config.steps = 0;
  config.precision = "bfloat16";
  EXPECT_ERROR(validate(config), "precision is 'bfloat16'", "adaptive");
}

TEST(TrainConfig, WhatIsForAdaptiveStepsNeedsAController) {
  for (const auto& [name, value] : {std::pair("rtol", "0.01"), std::pair("atol", "0.01"), std::pair("first_step", "1"),
                                    std::pair("accepts", "2"), std::pair("rejects", "2"), std::pair("window", "4")}) {
    TrainConfig config;
    set_field(config, name, value);
    EXPECT_ERROR(validate(config), std::string(name) + " is '" + value + "'", "without a controller");
    config.solver = "heun-euler";
    config.controller = "slope";
    EXPECT_NO_THROW(validate(config)) << name;
  }
}

TEST(TrainConfig, TolerancesAreThoseOfFloat32) {
  TrainConfig config;
  config.solver = "tsit5";
  config.controller = "i";
  config.rtol = config.atol = 1e-12;
  EXPECT_ERROR(validate(config), "rtol + atol is '2e-12'", "1e-7 or more");
  config.atol = 1e-6;
  EXPECT_NO_THROW(validate(config));
}

TEST(TrainConfig, QuantizationGoesOnWithAFloatNetworkInFloat32) {
  TrainConfig config;
  config.quantize = 8;
  EXPECT_ERROR(validate(config), "weights is ''", "a trained run");
  config.weights = "runs/a";
  EXPECT_NO_THROW(validate(config));
  config.activations = "8.99";
  EXPECT_ERROR(validate(config), "'8.99'");
  config.activations = "8.4,layr1=8.2";
  EXPECT_ERROR(validate(config), "layr1", "biased-odenet-20", "layer3_2");
  for (const char* wide : {"25.12", "8.4,layer1=32.20"}) {
    config.activations = wide;
    EXPECT_ERROR(validate(config), "activations", wide, "at most 24 bits");
  }
  config.activations = "8.5,layer1=8.4";
  EXPECT_NO_THROW(validate(config));
  for (const int bits : {1, 25, -8}) {
    config.quantize = bits;
    EXPECT_ERROR(validate(config), "quantize", "2 to 24");
  }
  config.quantize = 0;
  EXPECT_ERROR(validate(config), "activations", "none without quantize");
  config.quantize = 8;
  config.precision = "bfloat16";
  EXPECT_ERROR(validate(config), "bfloat16", "float32");
  config.precision = "auto";
  config.solver = "rk4";
  EXPECT_ERROR(validate(config), "solver is 'rk4'", "euler");
  config.solver = "euler";
  config.gradient = "aca";
  EXPECT_ERROR(validate(config), "gradient is 'aca'", "backprop");
}

TEST(TrainConfig, DefaultsAreValid) { EXPECT_NO_THROW(validate(TrainConfig())); }

TEST(Config, NormsOfTheNetwork) {
  TrainConfig config;
  EXPECT_EQ(network_spec(config).stages[0].norm, NormKind::kBatch);
  set_field(config, "norm", "instance");
  validate(config);
  for (const Stage& stage : network_spec(config).stages) EXPECT_EQ(stage.norm, NormKind::kInstance);
}

}  // namespace
}  // namespace odenet::train
