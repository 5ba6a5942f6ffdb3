#include "fixed/accumulator_proof.h"

#include <cstdlib>

#include "core/error.h"

namespace odenet::fixed {

AccumulatorProof prove_accumulator(std::string layer, std::span<const int32_t> weights, int channels, Format input) {
  AccumulatorProof proof{.layer = std::move(layer), .bound = accumulator_bound(input)};
  const size_t each = weights.size() / static_cast<size_t>(channels);
  for (int channel = 0; channel < channels; ++channel) {
    int64_t sum = 0;
    for (const int32_t w : weights.subspan(static_cast<size_t>(channel) * each, each)) sum += std::abs(int64_t{w});
    if (sum > proof.weight_sum) {
      proof.weight_sum = sum;
      proof.channel = channel;
    }
  }
  return proof;
}

std::vector<AccumulatorProof> prove_accumulators(const Block& block, const Formats& formats) {
  std::vector<AccumulatorProof> proofs;
  for (const ConvLayer& layer : conv_layers(block, formats))
    proofs.push_back(prove_accumulator(layer.name, layer.conv.weight, layer.conv.channels, layer.formats.input));
  return proofs;
}

std::vector<AccumulatorProof> prove_accumulators(const Network& network) {
  std::vector<AccumulatorProof> proofs;
  for (const ConvLayer& layer : conv_layers(network))
    proofs.push_back(prove_accumulator(layer.name, layer.conv.weight, layer.conv.channels, layer.formats.input));
  proofs.push_back(prove_accumulator("fc", network.fc_weight, network.spec.classes, format_at(network, "pool")));
  return proofs;
}

void require_accumulator_fits(const AccumulatorProof& p, Format weight) {
  if (!p.holds())
    throw Error(
        "{}, output channel {}: the sum of |weights| is {} ({:.3f}), more than {} ({:.3f}): a {}-bit accumulator could "
        "overflow; give the weights less fraction, or train with more weight decay",
        p.layer, p.channel, p.weight_sum, weight.to_real(p.weight_sum), p.bound, weight.to_real(p.bound),
        kAccumulatorBits);
}

void require_accumulators_fit(const Network& network) {
  for (const AccumulatorProof& proof : prove_accumulators(network))
    require_accumulator_fits(proof, network.weight_of(proof.layer));
}

void require_accumulators_fit(const Block& block, const Formats& formats) {
  for (const AccumulatorProof& proof : prove_accumulators(block, formats))
    require_accumulator_fits(proof, formats.weight_of(proof.layer));
}

}  // namespace odenet::fixed
