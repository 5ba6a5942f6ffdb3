#include "nn/block_field.h"

#include <torch/torch.h>

namespace odenet::nn {

namespace {

void add_to(BatchStatistics& sum, const BatchStatistics& batch) {
  if (!batch.mean.defined()) return;
  sum = sum.mean.defined() ? BatchStatistics{sum.mean + batch.mean, sum.var + batch.var} : batch;
}

void move_by_mean(Norm& norm, const BatchStatistics& sum, int64_t evaluations) {
  if (sum.mean.defined()) norm->move({sum.mean / evaluations, sum.var / evaluations}, /*execution=*/0);
}

}  // namespace

BlockField::BlockField(Layers layers, ode::Gradient gradient, bool one_set, HiddenTap tap,
                       c10::optional<torch::ScalarType> type)
    : layers_(std::move(layers)), gradient_(gradient), one_set_(one_set), tap_(std::move(tap)), type_(type) {}

torch::Tensor BlockField::slope(const torch::Tensor& state, const ode::Evaluation& at) {
  const torch::Tensor z = state.to(type_.value_or(state.scalar_type()));
  const Planes plane = planes(z);
  const int execution = one_set_ ? 0 : static_cast<int>(at.index);
  const bool search = at.pass == ode::Pass::kSearch;
  Searched searched{.time = at.time, .bn1 = {}, .bn2 = {}};
  const auto norm = [&](Norm& layer, const torch::Tensor& x, bool relu, const torch::Tensor& time_plane,
                        BatchStatistics& batch) {
    NormOptions options{.relu = relu, .plane = time_plane, .time = at.time};
    if (search) return layer->observe(x, options, execution, batch);
    if (at.pass == ode::Pass::kReplay) options.momentum = 0;
    return layer->forward(x, options, execution);
  };
  const auto hidden = norm(layers_.bn1, layers_.conv1(z), true, plane.plane1, searched.bn1);
  if (tap_ && at.pass != ode::Pass::kReplay) tap_(at.index, hidden);  // which may not live until a backward pass
  const auto slope = norm(layers_.bn2, layers_.conv2(hidden), false, plane.plane2, searched.bn2);
  if (search) searched_.push_back(std::move(searched));
  return slope.to(state.scalar_type());
}

void BlockField::judge(double start, bool accepted) {
  if (!accepted) {
    std::erase_if(searched_, [start](const Searched& s) { return s.time != start; });
    return;
  }
  const torch::NoGradGuard no_grad;
  for (const Searched& s : searched_) {
    add_to(counted_.bn1, s.bn1);
    add_to(counted_.bn2, s.bn2);
    ++counted_.evaluations;
  }
  searched_.clear();
}

// By the momentum of one batch: moved at each of hundreds of evaluations, statistics would be those of the last few.
void BlockField::finish() {
  const torch::NoGradGuard no_grad;
  move_by_mean(layers_.bn1, counted_.bn1, counted_.evaluations);
  move_by_mean(layers_.bn2, counted_.bn2, counted_.evaluations);
  counted_ = {};
}

std::vector<torch::Tensor> BlockField::parameters() const {
  std::vector<torch::Tensor> all;
  const auto add = [&](const torch::nn::Module& layer) {
    for (const auto& parameter : layer.parameters()) all.push_back(parameter);
  };
  add(*layers_.conv1);
  add(*layers_.bn1);
  add(*layers_.conv2);
  add(*layers_.bn2);
  return all;
}

// Equal in all evaluations, so made once, with their graph and without; but the methods that differentiate a piece of
// the integration at a time need the planes as a part of each piece's graph.
BlockField::Planes BlockField::planes(const torch::Tensor& z) {
  const auto make = [&] {
    return Planes{layers_.conv1->time_plane(z.size(2), z.size(3)), layers_.conv2->time_plane(z.size(2), z.size(3))};
  };
  const bool graph = torch::GradMode::is_enabled();
  if (graph && gradient_ != ode::Gradient::kBackprop) return make();
  if (!kept_.plane1.defined() || kept_with_graph_ != graph) kept_ = make();
  kept_with_graph_ = graph;
  return kept_;
}

}  // namespace odenet::nn
