// Runs images through the integer network: the reference that the engine must match in every bit.
//
//   fixed::Runner runner(net);
//   std::vector<int32_t> logits = runner.run(images);            // [N, 3, H, W] bytes -> [N, classes]
//   for (const auto& [layer, count] : runner.saturations()) ...
//
// Each image passes through the whole network before the next one, in a thread of its own; a single image is shared by
// all threads. The result does not depend on the number of threads, nor on how images are grouped into calls. A runner
// does one call at a time.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "fixed/convolution.h"
#include "fixed/network.h"

namespace odenet::fixed {

// Receives the values of one observation point for the images of one call, NCHW, in format_at() that point. The points
// and their order are those of eval/backend.h, and "<block>[i].conv1.depthwise", ".conv2.depthwise" where there are
// such.
using Tap = std::function<void(std::string_view point, std::span<const int32_t> values)>;

enum class Shown {
  kPoints,
  // Also all else that is rounded to the format of a point: "<block>[0].start", an ODEBlock's z(0);
  // "<block>[i].branch", what the second norm gives before something is added, so K_i; "<block>.hidden.branch", the
  // first norm's, of short skips; of Runge-Kutta methods and the leapfrog "<block>[i].term" and ".partial", what is
  // added up and how far it got.
  kEverything,
};

struct LayerSaturations {
  std::string layer;  // a convolution or norm of conv_layers(), "layer3_2.0.sum" (with the shortcut, or with z), "fc"
  int64_t count = 0;
};

// What one thread works with.
struct Workspace {
  Convolution::Scratch scratch;
  Map map, next, hidden, filtered, shortcut, stage;
  std::vector<Map> slopes;
};

// One block. Throws Error if its tables are incomplete or its weights break the accumulator proof.
class BlockRunner {
 public:
  // Receives the points of one image.
  struct Observer {
    std::function<void(std::string_view point, const Map& map)> show{};
    Shown shown = Shown::kPoints;

    explicit operator bool() const { return show != nullptr; }
    bool everything() const { return show && shown == Shown::kEverything; }
    void operator()(std::string_view point, const Map& map) const { show(point, map); }
  };

  // `input`: format of the block's input; by default that of an ODEBlock's z, else the formats' activation.
  BlockRunner(const Block& block, const Formats& formats, int threads = 0, std::optional<Format> input = {});

  // [N, Cin, H, W] -> [N, C, H', W'], on threads as Runner::run().
  std::vector<int32_t> run(std::span<const int32_t> input, const Tap& tap = {});

  // The image in workspace.map, in place. `pool`: threads that share it, or null.
  void run_image(Workspace& workspace, ThreadPool* pool, const Observer& observer);

  std::vector<LayerSaturations> saturations() const;

 private:
  enum Layer { kDepthwise1, kConv1, kNorm1, kDepthwise2, kConv2, kNorm2, kProjection, kProjectionNorm, kSum, kLayers };

  // conv(depthwise x), or conv x; `layer` is kConv1 or kConv2.
  void convolve(const std::optional<Convolution>& depthwise, const Convolution& conv, Layer layer,
                const Convolution::Job& job, Workspace& workspace, ThreadPool* pool, Map& output,
                const Observer& observer);
  std::string point(int execution) const;  // "layer3_2.0[4]"

  // The block's two convolutions of x; what is added to the first and to the second, if anything, with its format.
  using Added = std::pair<const Map*, Format>;
  void evaluate(const Map& x, int execution, const Added& first, const Added& second, Workspace& workspace,
                ThreadPool* pool, Map& y, const Observer& observer);

  // z in workspace.map to its end, by fixed/method.h.
  void integrate(Workspace& workspace, ThreadPool* pool, const Observer& observer);
  void step(const RungeKutta& method, int first, Workspace& workspace, ThreadPool* pool, const Observer& observer);
  void step(const Leapfrog&, int evaluation, Workspace& workspace, ThreadPool* pool, const Observer& observer);

  // What is added for the input in workspace.map, and its format.
  Added shortcut(Workspace& workspace, ThreadPool* pool);

  Block block_;
  Format input_, output_;
  int scale_fraction_;
  int threads_;
  std::unique_ptr<ThreadPool> pool_;   // of run(), from its first call on
  std::vector<Workspace> workspaces_;  // [threads]
  std::optional<Convolution> depthwise1_, conv1_, depthwise2_, conv2_, projection_;
  std::array<std::atomic<int64_t>, kLayers> saturations_{};
};

class Runner {
 public:
  // z(0) of the images of one call, [N, C, H, W] -> z(T), of the same size.
  using BlockFunction = std::function<std::vector<int32_t>(std::span<const int32_t>)>;

  // threads 0: one a processor. Throws Error if the network is inconsistent or breaks the accumulator proof.
  explicit Runner(Network network, int threads = 0);

  std::vector<int32_t> run(std::span<const uint8_t> images, const Tap& tap = {}, Shown shown = Shown::kPoints);

  // The input of block `index` for these images, [N, C, H, W].
  std::vector<int32_t> block_input(std::span<const uint8_t> images, size_t index);

  // That block alone.
  BlockRunner& block(size_t index) { return *blocks_.at(index); }

  // From now on run() lets `function` compute block `index`; of its observation points only the last remains.
  void replace_block(size_t index, BlockFunction function);

  // From now on run() lets `function` compute everything: input_activations() -> logits [N, classes]. The only
  // observation point that remains is "fc".
  void replace_network(BlockFunction function);

  // The images in the format of the input, normalised: what conv1 gets; [N, C, H, W].
  std::vector<int32_t> input_activations(std::span<const uint8_t> images) const;

  const Network& network() const { return network_; }

  // Saturated values since the start, in network order, and of all layers. Replaced blocks count none.
  std::vector<LayerSaturations> saturations() const;
  int64_t total_saturations() const;

 private:
  int32_t input_activation(size_t channel, uint8_t pixel) const { return network_.input_table[channel * 256 + pixel]; }
  int image_count(std::span<const uint8_t> images) const;
  void run_stem(std::span<const uint8_t> image, Workspace& workspace, ThreadPool* pool);

  // The output of block end - 1, or of the stem; [N, C, H, W].
  std::vector<int32_t> run_blocks(std::span<const uint8_t> images, size_t end, const Tap& tap, Shown shown);

  Network network_;
  ThreadPool pool_;
  std::vector<Workspace> workspaces_;  // [threads]
  Convolution stem_;
  std::vector<std::unique_ptr<BlockRunner>> blocks_;
  std::vector<BlockFunction> replacements_;  // [blocks]; empty function: the integer network computes it
  BlockFunction network_replacement_;        // of everything, or empty
  std::atomic<int64_t> stem_saturations_ = 0, stem_norm_saturations_ = 0, fc_saturations_ = 0;
};

}  // namespace odenet::fixed
