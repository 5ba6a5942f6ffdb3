// A network as data: the stages of the ODENet paper's Table 2, their shapes and counts. Everything else (float network,
// integer network, engine program) is built from it.
//
//   NetworkSpec net = make_spec("biased-odenet-20", 10);        // spec/zoo.h
//   for (const LayerInfo& layer : layers(net)) ... layer.parameters, layer.macs
//
// A network is conv1 (3x3, norm, ReLU), a list of stages of blocks, global average pooling and a fully connected layer.
// A block has two convolutions, each with its norm, c1 = norm1(conv1 x), c2 = norm2(conv2 a):
//   Skip::kFull   a = relu(c1),                y = relu(c2 + shortcut(x))     ResNet
//   Skip::kShort  a = relu(c1 + shortcut(x)),  y = relu(c2)                   ShortResNet
//   Skip::kNone   a = relu(c1),                y = relu(c2)                   NonResNet
//   ode           a = relu(c1),                z' = f(t, z) = c2              from t = 0 to end_time, by `steps` equal
//                 steps of a solver (ode/solver.h); each convolution has one more input channel, the constant t. An
//                 execution is an evaluation of f: Euler's z <- z + h f takes one a step, other solvers more
// The shortcut of a block that changes the shape is subsampling and zero channels (Shortcut::kPad), or a 1x1
// convolution of the block's stride with a norm (kProjection). A convolution is 3x3 (Body::kPlain), or depthwise 3x3
// followed by pointwise 1x1 with nothing between (kSeparable); there the time belongs to the pointwise one.
// Convolutions have no bias, and pad with zeros, the time too. Norms have scale and bias per channel. kBatch uses
// running statistics, which an ODEBlock keeps per execution, whatever step and stage of the solver it belongs to;
// kInstance the mean and variance of the image at hand over H x W.
//
// Sources: the ODENet paper for residual and ode, Figure 1 of the NonResNet paper for the skips, dsODENet's abstract.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace odenet {

// Metadata "format" of a trained float network's file; its tensors are described in nn/checkpoint.h.
inline constexpr const char* kCheckpointFormat = "odenet-checkpoint";

// Of every norm, of either kind: y = (c - mean) / sqrt(var + epsilon) * weight + bias.
inline constexpr double kNormEpsilon = 1e-5;

inline constexpr int kMaxRepeats = 1024;  // blocks or executions of one stage

enum class Skip { kFull, kShort, kNone };
enum class Shortcut { kPad, kProjection };  // options A and B of K. He et al., 2016
enum class Body { kPlain, kSeparable };
enum class NormKind { kBatch, kInstance };

struct NormName {
  std::string_view name;
  NormKind value;
  std::string_view help;
};
std::span<const NormName> norm_kinds();
NormKind find_norm(std::string_view name);  // Error listing the names

// Steps of an ODEBlock that follow their error, as ode/step_controller.h and ode/integrate.h have it.
struct AdaptiveSteps {
  std::string controller = "fixed";  // equal steps: the rest has no meaning
  double rtol = 1e-3, atol = 1e-3;   // of the root mean square over the batch
  double first_step = 0.1;           // the first trial's, in time
  int accepts = 3, rejects = 3;      // thresholds s_acc and s_rej of controller "slope"
  int window = 0;                    // rows of priority processing; 0: none

  bool operator==(const AdaptiveSteps&) const = default;
};

struct Stage {
  std::string name;  // "layer3_2"
  int in_channels = 0;
  int channels = 0;
  int stride = 1;      // of the first convolution
  int blocks = 1;      // instances, each with weights of its own
  int executions = 1;  // of each instance
  bool ode = false;    // ODEBlock instead of residual block
  Body body = Body::kPlain;
  Shortcut shortcut = Shortcut::kPad;
  NormKind norm = NormKind::kBatch;
  std::vector<Skip> skips = {};  // [blocks]; empty: all full
  std::string solver = "euler";  // of an ODEBlock
  AdaptiveSteps steps = {};      // of the solver; unless they are fixed, `executions` is 1, and norms keep one set of
                                 // statistics for all evaluations

  Skip skip(int block) const { return skips.empty() ? Skip::kFull : skips.at(static_cast<size_t>(block)); }
  bool changes_shape() const { return stride != 1 || in_channels != channels; }
  // Whether the shortcut of that block is a convolution with weights.
  bool projects(int block) const {
    return shortcut == Shortcut::kProjection && changes_shape() && skip(block) != Skip::kNone;
  }

  bool adaptive() const { return steps.controller != AdaptiveSteps().controller; }

  bool operator==(const Stage&) const = default;
};

// Of the solver, in the executions of an ODEBlock whose steps are fixed; else 1.
int steps(const Stage& stage);

struct NetworkSpec {
  std::string model;  // canonical name in the zoo: "biased-odenet-20"
  int classes = 0;
  int in_channels = 3, height = 32, width = 32;
  int stem_channels = 16;
  double end_time = 1.0;  // T: an ODEBlock integrates from t = 0 to T
  std::vector<Stage> stages;

  double step_size(const Stage& stage) const { return end_time / steps(stage); }
  int features() const { return stages.empty() ? stem_channels : stages.back().channels; }

  bool operator==(const NetworkSpec&) const = default;
};

// One row of the paper's Table 2: a stage, conv1 or fc.
struct LayerInfo {
  std::string name;
  int channels = 0, height = 0, width = 0;  // output
  int blocks = 1, executions = 1;
  bool ode = false;
  int64_t parameters = 0;
  int64_t macs = 0;  // multiply-adds of one image, all blocks and executions; the time, a constant, needs none
};

// Counts of an ODEBlock with adaptive steps are those of one execution.
std::vector<LayerInfo> layers(const NetworkSpec& spec);
int64_t parameter_count(const NetworkSpec& spec);
int64_t mac_count(const NetworkSpec& spec);

// "layer3_2.0", ".1", ...: the name of block `index` of a stage, the prefix of its tensors in every file.
std::string block_name(const Stage& stage, int index);

// The same network with norms of that kind in all stages; that of conv1 stays a batch norm.
NetworkSpec with_norms(NetworkSpec spec, NormKind kind);

bool is_adaptive(const NetworkSpec& spec);  // any of its ODEBlocks

// Blocks with a skip connection; ODEBlocks, whose sum is the integration, have none.
int skip_count(const NetworkSpec& spec);

// The same network with all ODEBlocks integrated by another solver in `steps` fixed steps; an empty name and 0 leave
// the solver and the steps, fixed or not, as they are. Throws Error for unknown solvers, too many executions, and
// networks without ODEBlock.
NetworkSpec with_solver(NetworkSpec spec, std::string_view solver, int64_t steps);

// The same network with steps that follow their error in all ODEBlocks; controller "fixed" changes nothing. Throws
// Error for values out of range, a solver without error estimate, and networks without ODEBlock.
NetworkSpec with_adaptive_steps(NetworkSpec spec, const AdaptiveSteps& steps);

// Height and width after a 3x3 convolution with padding 1.
inline int conv_size(int size, int stride) { return (size - 1) / stride + 1; }

// JSON as kept in the metadata of checkpoints and integer networks. from_json checks ranges and that stages fit
// together, and throws Error.
void to_json(nlohmann::json& json, const NetworkSpec& spec);
void from_json(const nlohmann::json& json, NetworkSpec& spec);
void to_json(nlohmann::json& json, const AdaptiveSteps& steps);
void from_json(const nlohmann::json& json, AdaptiveSteps& steps);
NetworkSpec parse_spec(const std::string& text, const std::string& source);
std::string dump_spec(const NetworkSpec& spec);

}  // namespace odenet
