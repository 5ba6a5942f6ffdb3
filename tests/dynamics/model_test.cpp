#include "dynamics/model.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include "core/safetensors.h"
#include "support/expect_error.h"
#include "support/temporary_folder.h"

namespace odenet::dynamics {
namespace {

using testing::TemporaryFolder;

Model make_model(const Stage& stage = field_stage("rk4", 2)) {
  torch::manual_seed(3);
  return Model(ModelSpec{.system = "lotka-volterra", .width = 16, .stage = stage},
               scale_of(trajectories(find_system("lotka-volterra"), "train", 4)));
}

TEST(Model, WidthIsInItsName) {
  EXPECT_EQ(parse_width("mlp-64"), 64);
  EXPECT_EQ(make_model()->spec().name(), "mlp-16");
  for (const char* name : {"mlp-", "mlp-0", "mlp-5000", "mlp-6x", "resnet-20"})
    EXPECT_ERROR(parse_width(name), name, "mlp-W");
}

TEST(Model, NormalisedSamplesHaveMeanZeroAndDeviationOne) {
  const auto samples = trajectories(find_system("lotka-volterra"), "train", 4);
  const auto values = make_model()->normalised(samples).flatten(0, 1);
  EXPECT_LT(values.mean(0).abs().max().item<double>(), 1e-5);
  EXPECT_LT((values.std(0) - 1).abs().max().item<double>(), 1e-5);
}

TEST(Model, PredictsIntervalByInterval) {
  const Model model = make_model();
  const torch::NoGradGuard no_grad;
  const auto z = torch::randn({5, 2});
  const auto three = model->predict(z, 3);
  ASSERT_EQ(three.sizes().vec(), (std::vector<int64_t>{5, 3, 2}));
  const auto one = model->predict(z, 1).select(1, 0);
  EXPECT_TRUE(torch::equal(three.select(1, 0), one));
  EXPECT_TRUE(torch::equal(three.slice(1, 1), model->predict(one, 2)));
  EXPECT_EQ(model->take_work().forward.evaluations, (3 + 1 + 2) * 8);
  EXPECT_EQ(model->take_work().forward.evaluations, 0);
}

TEST(Model, SolversAgreeOnTheSameField) {
  const torch::NoGradGuard no_grad;
  const auto z = torch::randn({5, 2});
  const auto fine = make_model()->predict(z, 4);
  const Model adaptive = make_model(field_stage("dormand-prince", 0, {.controller = "pi", .rtol = 1e-5, .atol = 1e-5}));
  EXPECT_LT((adaptive->predict(z, 4) - fine).abs().max().item<double>(), 1e-4);
  EXPECT_GT(adaptive->take_work().forward.trials, 0);
}

TEST(Model, ABackwardPassMayOutliveIt) {
  const auto z = torch::randn({5, 2});
  const auto gradients = [&](ode::Gradient gradient) {
    std::vector<torch::Tensor> parameters;
    torch::Tensor end;
    {
      Model model = make_model();
      model->set_gradient(gradient);
      parameters = model->parameters();
      end = model->predict(z, 2);
    }
    return torch::autograd::grad({end.square().sum()}, parameters);
  };
  const auto exact = gradients(ode::Gradient::kBackprop);
  for (const auto gradient : {ode::Gradient::kAnode, ode::Gradient::kAca, ode::Gradient::kAdjoint}) {
    const auto own = gradients(gradient);
    for (size_t i = 0; i < exact.size(); ++i) EXPECT_TRUE(torch::allclose(own[i], exact[i], 1e-3, 1e-4)) << i;
  }
}

TEST(Model, RolloutErrorsAreRootsOfMeanSquares) {
  const Model model = make_model();
  const auto samples = trajectories(find_system("lotka-volterra"), "test", 3);
  const auto errors = rollout_errors(model, samples);
  ASSERT_EQ(errors.sizes().vec(), std::vector<int64_t>{64});
  const auto truth = model->normalised(samples);
  const torch::NoGradGuard no_grad;
  double sum = 0;
  for (int64_t i = 0; i < 3; ++i) {
    const auto end = model->predict(truth[i].slice(0, 0, 1), 5)[0][4];
    for (int64_t d = 0; d < 2; ++d) sum += std::pow((end[d] - truth[i][5][d]).item<double>(), 2) / 6;
  }
  EXPECT_NEAR(errors[4].item<double>(), std::sqrt(sum), 1e-5);
}

TEST(Model, IsLoadedAsItWasSaved) {
  const TemporaryFolder folder;
  const AdaptiveSteps steps{.controller = "slope", .rtol = 1e-4, .atol = 1e-5, .accepts = 2, .rejects = 1, .window = 8};
  const Model model = make_model(field_stage("heun-euler", 0, steps));
  save_model(folder / "m.safetensors", model, {{"epoch", "3"}});
  const Model again = load_model(folder / "m.safetensors");
  EXPECT_EQ(again->spec().system, "lotka-volterra");
  EXPECT_EQ(again->spec().stage, model->spec().stage);
  const torch::NoGradGuard no_grad;
  const auto z = torch::randn({5, 2});
  EXPECT_TRUE(torch::equal(again->predict(z, 3), model->predict(z, 3)));

  SafeTensors file = SafeTensors::load(folder / "m.safetensors");
  const auto damaged = [&](const auto& change) {
    SafeTensors copy = file;
    change(copy);
    copy.save(folder / "bad.safetensors");
    return folder / "bad.safetensors";
  };
  EXPECT_ERROR(load_model(damaged([](SafeTensors& f) { f.tensors.erase("mean"); })), "bad.safetensors", "mean");
  EXPECT_ERROR(load_model(damaged([](SafeTensors& f) { f.tensors["more"] = f.tensors["mean"]; })), "9 tensors", "8");
  EXPECT_ERROR(load_model(damaged([](SafeTensors& f) {
                 f.add<float>("deviation", {2}, std::vector<float>{1, 0});
               })),
               "bad.safetensors", "'deviation' holds the value 0");
  EXPECT_ERROR(load_model(damaged([](SafeTensors& f) { f.metadata["spec"] = "{}"; })), "damaged spec");
  EXPECT_ERROR(load_model(damaged([](SafeTensors& f) { f.metadata["format"] = "odenet-q"; })), "'odenet-q'");
}

}  // namespace
}  // namespace odenet::dynamics
