// Distances between the features of two domains that a network learns to make small. Shapes: source [n, F], target
// [m, F], n and m of 2 or more, float32 or float64; results are scalars.
//
//   torch::Tensor loss = coral_loss(source, target);
//   torch::Tensor loss = discriminator->loss(reverse_gradient(source, 0.5), reverse_gradient(target, 0.5));
//
// MMD    maximum mean discrepancy with several Gaussian kernels: M. Long et al., "Learning transferable features with
//        deep adaptation networks", ICML 2015, eq. 2 and 3. Of its estimates the biased one,
//          mean k(s, s') + mean k(t, t') - 2 mean k(s, t),   k(x, y) = 1/5 sum_u exp(-|x - y|^2 / (2^u b)), u = -2..2,
//        is taken: at the size of a batch the n^2 kernels cost nothing beside the network, it varies less than the
//        linear one, and it is never negative. b is the mean squared distance of all pairs and counts as a constant.
// CORAL  |C_s - C_t|^2 / (4 F^2) of the covariances: B. Sun, K. Saenko, "Deep CORAL", ECCV Workshops 2016, eq. 1 to 3.
// DANN   cross-entropy of a discriminator that tells the domains apart, and is trained to; the gradient that goes on to
//        the features is reversed, so that they learn the opposite: Y. Ganin et al., "Domain-adversarial training of
//        neural networks", JMLR 17, 2016, eq. 14 to 18.
#pragma once

#include <torch/nn/module.h>
#include <torch/nn/pimpl.h>
#include <torch/types.h>

namespace odenet::train {

torch::Tensor mmd_bandwidth(const torch::Tensor& source, const torch::Tensor& target);  // b; without gradient
torch::Tensor mmd_loss(const torch::Tensor& source, const torch::Tensor& target);

torch::Tensor coral_loss(const torch::Tensor& source, const torch::Tensor& target);

// x itself; its gradient is multiplied by -factor.
torch::Tensor reverse_gradient(const torch::Tensor& x, double factor);

// F -> 100, ReLU, -> 1: the domain classifier of Ganin et al.'s network for MNIST (their Figure 4a).
class DiscriminatorImpl : public torch::nn::Module {
 public:
  explicit DiscriminatorImpl(int64_t features);

  // [N, F] -> [N]: positive where it takes the features for the source's.
  torch::Tensor forward(const torch::Tensor& features) const;

  // Mean of the two domains' mean cross-entropies, so that both weigh the same however many images they have.
  torch::Tensor loss(const torch::Tensor& source, const torch::Tensor& target) const;

 private:
  torch::Tensor weight1_, bias1_, weight2_, bias2_;
};
TORCH_MODULE(Discriminator);

// 2 / (1 + exp(-10 p)) - 1 for the part p of the training that is done, 0 to 1: the schedule of the factor of the
// reversed gradient in Ganin et al., section 5.2.2, and here that of the other losses' weight too: features that are
// still noise are not worth aligning.
double adaptation_ramp(double progress);

}  // namespace odenet::train
