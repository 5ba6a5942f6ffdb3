#include "nn/resolve.h"

#include <torch/torch.h>

#include <algorithm>

#include "core/error.h"
#include "nn/float_backend.h"

namespace odenet::nn {

namespace {

struct UsualMomentum {
  Network network;
  ~UsualMomentum() { network->set_momentum(NormOptions().momentum); }
};

bool all_sound(ode::Gradient gradient, const NetworkSpec& spec) {
  return std::ranges::all_of(spec.stages, [&](const Stage& stage) {
    return !stage.ode || ode::sound(gradient, ode::find_solver(stage.solver));
  });
}

}  // namespace

Network resolve(const Network& network, const NetworkSpec& spec) {
  Network result(spec);
  const torch::NoGradGuard no_grad;
  const auto like = network->parameters().front();
  result->to(like.device(), like.scalar_type());
  const auto weights = network->named_parameters();
  for (const auto& parameter : result->named_parameters()) parameter.value().copy_(weights[parameter.key()]);
  if (all_sound(network->gradient(), spec)) result->set_gradient(network->gradient());
  if (network->quantization()) result->set_quantization(*network->quantization());
  result->train(network->is_training());
  return result;
}

void recalibrate(Network& network, const data::Normalization& normalization, std::span<const uint8_t> images,
                 int64_t batch) {
  const NetworkSpec& spec = network->spec();
  const auto image_bytes = static_cast<size_t>(spec.in_channels * spec.height * spec.width);
  const size_t count = images.size() / image_bytes;
  if (count < 2) throw Error("{} images to measure statistics with, expected 2 or more", count);
  const torch::NoGradGuard no_grad;
  const ModeGuard mode(network, /*training=*/true);
  const UsualMomentum momentum{network};
  const auto device = network->parameters().front().device();
  // Equal shares: the unbiased variance of a last batch of one image would be none.
  const size_t batches = (count + static_cast<size_t>(batch) - 1) / static_cast<size_t>(batch);
  for (size_t i = 0; i < batches; ++i) {
    const size_t first = count * i / batches, last = count * (i + 1) / batches;
    auto pixels = data::normalize(images.subspan(first * image_bytes, (last - first) * image_bytes), spec.height,
                                  spec.width, normalization);
    network->set_momentum(1.0 / static_cast<double>(i + 1));  // the mean of the batches so far
    network->forward(channels_last(pixels, static_cast<int64_t>(last - first), spec.height, spec.width).to(device));
  }
}

}  // namespace odenet::nn
