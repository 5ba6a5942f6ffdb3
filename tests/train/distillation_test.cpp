#include "train/distillation.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include <cmath>

#include "core/file.h"
#include "nn/checkpoint.h"
#include "nn/state.h"
#include "spec/zoo.h"
#include "support/expect_error.h"
#include "support/temporary_folder.h"
#include "train/fresh_network.h"
#include "train/step.h"

namespace odenet::train {
namespace {

using testing::fresh_network;
using testing::kFloatSlack;
using torch::Tensor;

TensorBatch random_batch() {
  torch::manual_seed(2);
  return {.images = torch::randn({8, 3, 32, 32}).contiguous(torch::MemoryFormat::ChannelsLast),
          .labels = torch::randint(10, {8}, torch::kInt64),
          .mixed_labels = {}};
}

// Rows of logits as plain numbers.
using Rows = std::vector<std::vector<double>>;
Rows rows_of(const Tensor& logits) {
  Rows rows(static_cast<size_t>(logits.size(0)));
  for (int64_t i = 0; i < logits.size(0); ++i)
    for (int64_t j = 0; j < logits.size(1); ++j) rows[static_cast<size_t>(i)].push_back(logits[i][j].item<double>());
  return rows;
}

std::vector<double> softmax(const std::vector<double>& z, double temperature) {
  std::vector<double> p;
  double sum = 0;
  for (const double v : z) sum += p.emplace_back(std::exp(v / temperature));
  for (double& v : p) v /= sum;
  return p;
}

// The definitions, written out.
double plain_tailor(const Rows& student, const Rows& teacher) {
  double sum = 0, count = 0;
  for (size_t i = 0; i < student.size(); ++i)
    for (size_t j = 0; j < student[i].size(); ++j, ++count) sum += std::pow(student[i][j] - teacher[i][j], 2);
  return sum / count;
}

double plain_kd(const Rows& student, const Rows& teacher, double temperature) {
  double sum = 0;
  for (size_t i = 0; i < student.size(); ++i) {
    const auto p = softmax(teacher[i], temperature), q = softmax(student[i], temperature);
    for (size_t j = 0; j < p.size(); ++j) sum += p[j] * std::log(p[j] / q[j]);
  }
  return temperature * temperature * sum / static_cast<double>(student.size());
}

TEST(Distillation, LossesAreThoseOfTheirDefinitions) {
  torch::manual_seed(3);
  const Tensor student = 3 * torch::randn({5, 10}), teacher = 3 * torch::randn({5, 10});
  const Rows s = rows_of(student), t = rows_of(teacher);
  EXPECT_NEAR(find_distillation("tailor").loss(student, teacher, 1).item<double>(), plain_tailor(s, t),
              kFloatSlack * plain_tailor(s, t));
  for (const double temperature : {1.0, 4.0, 20.0})
    EXPECT_NEAR(find_distillation("kd").loss(student, teacher, temperature).item<double>(), plain_kd(s, t, temperature),
                kFloatSlack * plain_kd(s, t, temperature));
}

TEST(Distillation, LossIsZeroWhereTheLogitsAreTheSame) {
  const Tensor logits = torch::randn({5, 10});
  for (const DistillationMethod& method : distillation_methods())
    EXPECT_NEAR(method.loss(logits, logits, 4).item<double>(), 0, 1e-6) << method.name;
}

TEST(Distillation, StepMixesBothLossesAndLeavesTheTeacherAsItIs) {
  const TensorBatch batch = random_batch();
  nn::Network teacher = fresh_network("resnet-14", 7);
  teacher->eval();
  Tensor student_logits, teacher_logits;
  {
    const torch::NoGradGuard no_grad;
    student_logits = fresh_network("nonresnet-8")->forward(batch.images);
    teacher_logits = teacher->forward(batch.images);
  }
  const double labels = torch::nn::functional::cross_entropy(student_logits, batch.labels).item<double>();
  const Rows s = rows_of(student_logits), t = rows_of(teacher_logits);
  std::map<std::string, Tensor> before;
  for (const auto& [name, tensor] : nn::state_of(teacher)) before[name] = tensor.detach().clone();

  struct Case {
    const char* method;
    DistillationOptions options;
    double expected;
  };
  for (const Case& c : {Case{"tailor", {}, 0.65 * labels + 0.35 * plain_tailor(s, t)},
                        Case{"tailor", {.weight = 0.5}, 0.5 * labels + 0.5 * plain_tailor(s, t)},
                        Case{"kd", {.temperature = 4}, 0.1 * labels + 0.9 * plain_kd(s, t, 4)},
                        Case{"kd", {.weight = 1, .temperature = 2}, plain_kd(s, t, 2)}}) {
    const Distillation distillation(teacher, find_distillation(c.method), c.options);
    Step step(fresh_network("nonresnet-8"), {}, {.distillation = &distillation});
    EXPECT_NEAR(step(batch, 0.1).loss.item<double>() / 8, c.expected, kFloatSlack * c.expected) << c.method;
  }
  for (const auto& [name, tensor] : nn::state_of(teacher)) EXPECT_TRUE(torch::equal(tensor, before.at(name))) << name;
}

TEST(Distillation, TheGradientIsTheStudents) {
  const TensorBatch batch = random_batch();
  const Distillation distillation(fresh_network("resnet-8", 7), find_distillation("tailor"), {.weight = 1});
  const Tensor logits = torch::randn({8, 10}, torch::requires_grad());
  distillation.mix(torch::zeros({}), logits, batch.images).backward();
  nn::Network teacher = fresh_network("resnet-8", 7);
  teacher->eval();
  const torch::NoGradGuard no_grad;
  EXPECT_TRUE(torch::allclose(logits.grad(), 2 * (logits - teacher->forward(batch.images)) / 80, 1e-4, 1e-6));
}

TEST(Distillation, WorksInBfloat16) {
  TensorBatch batch = random_batch(), coarse = batch;
  coarse.images = batch.images.to(torch::kBFloat16);
  const Distillation distillation(fresh_network("resnet-8", 7), find_distillation("kd"), {});
  Step exact(fresh_network("nonresnet-8"), {}, {.distillation = &distillation}),
      rounded(fresh_network("nonresnet-8"), {}, {.distillation = &distillation});
  const auto expected = exact(batch, 0.1).loss.item<double>(), found = rounded(coarse, 0.1).loss.item<double>();
  EXPECT_NEAR(found, expected, 0.02 * expected);  // see Step.Bfloat16IsCloseToFloat32
  EXPECT_NE(found, expected);
}

TEST(Distillation, AStudentComesCloserToItsTeacher) {
  const TensorBatch batch = random_batch();
  const Distillation distillation(fresh_network("resnet-8", 7), find_distillation("tailor"), {.weight = 1});
  Step step(fresh_network("nonresnet-8"), {}, {.distillation = &distillation});
  const auto first = step(batch, 0.01).loss.item<double>();
  for (int i = 0; i < 5; ++i) step(batch, 0.01);
  EXPECT_LT(step(batch, 0.01).loss.item<double>(), first);
}

TEST(Distillation, UnknownMethodsAreErrors) { EXPECT_ERROR(find_distillation("soft"), "'soft'", "tailor, kd"); }

TEST(LoadTeacher, RefusesWhatCannotTeach) {
  const testing::TemporaryFolder folder;
  TrainConfig config;
  config.model = "nonresnet-8";
  const auto save = [&](const char* name, const char* dataset, int classes) {
    const nn::ModelInfo info{.dataset = dataset,
                             .class_names = std::vector<std::string>(static_cast<size_t>(classes), "c"),
                             .normalization = {},
                             .notes = {}};
    nn::save_checkpoint(folder / name, nn::Network(make_spec("resnet-14", classes)), info);
    return folder / name;
  };
  EXPECT_EQ(load_teacher(save("good", "sample", 10), config).network->spec().model, "resnet-14");
  EXPECT_ERROR(load_teacher(save("other", "cifar10", 10), config), "other", "data set is cifar10", "expected sample");
  EXPECT_ERROR(load_teacher(save("classes", "sample", 100), config), "classes", "is 100, expected 10");
  EXPECT_ERROR(load_teacher(folder / "none", config), "none", "does not exist", "run folder");
  EXPECT_ERROR(load_teacher(folder.path(), config), "best.safetensors");
  write_file(folder / "damaged", "xyz");
  EXPECT_ERROR(load_teacher(folder / "damaged", config), "damaged");
}

}  // namespace
}  // namespace odenet::train
