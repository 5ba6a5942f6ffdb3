#include <gtest/gtest.h>
#include <torch/torch.h>

#include "nn/memory_pool.h"
#include "spec/zoo.h"
#include "train/plan.h"
#include "train/step.h"

namespace odenet::train {
namespace {

// What the pool holds after a step is what its tensors took at their peak. The prediction leaves out the convolution
// library's scratch memory and the pool's rounding of sizes: 6 to 18 % were seen.
TEST(PredictedMemory, IsThatOfAStep) {
  nn::MemoryPool::install();
  for (const char* model : {"resnet-20", "odenet-20"}) {
    for (const auto type : {torch::kFloat32, torch::kBFloat16}) {
      const NetworkSpec spec = make_spec(model, 10);
      nn::MemoryPool::trim();
      const size_t before = nn::MemoryPool::held();
      Step step(nn::Network(spec), {});
      const TensorBatch batch{
          .images = torch::randn({128, 3, 32, 32}).contiguous(torch::MemoryFormat::ChannelsLast).to(type),
          .labels = torch::zeros({128}, torch::kInt64),
          .mixed_labels = {}};
      step(batch, 0.01);
      const auto held = static_cast<double>(nn::MemoryPool::held() - before);
      const auto predicted =
          static_cast<double>(predicted_memory(spec, 128, static_cast<int64_t>(torch::elementSize(type)), false));
      EXPECT_GT(held, 0.9 * predicted) << model;
      EXPECT_LT(held, 1.3 * predicted) << model;
    }
  }
}

// The same for the gradient methods: 16 steps are where they differ.
TEST(PredictedMemory, IsThatOfEveryGradientMethod) {
  nn::MemoryPool::install();
  NetworkSpec spec = make_spec("rodenet-1-20", 10);
  for (const ode::GradientRow& row : ode::gradients()) {
    const NetworkSpec solved = with_solver(spec, row.gradient == ode::Gradient::kMali ? "leapfrog" : "midpoint", 16);
    nn::MemoryPool::trim();
    const size_t before = nn::MemoryPool::held();
    nn::Network network(solved);
    network->set_gradient(row.gradient);
    Step step(network, {});
    const TensorBatch batch{.images = torch::randn({32, 3, 32, 32}).contiguous(torch::MemoryFormat::ChannelsLast),
                            .labels = torch::zeros({32}, torch::kInt64),
                            .mixed_labels = {}};
    step(batch, 0.01);
    const auto held = static_cast<double>(nn::MemoryPool::held() - before);
    const auto predicted = static_cast<double>(predicted_memory(solved, 32, 4, false, row.gradient));
    EXPECT_GT(held, 0.9 * predicted) << row.name;
    EXPECT_LT(held, 1.3 * predicted) << row.name;
  }
}

}  // namespace
}  // namespace odenet::train
