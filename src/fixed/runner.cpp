#include "fixed/runner.h"

#include <algorithm>
#include <deque>
#include <mutex>

#include "core/error.h"
#include "fixed/accumulator_proof.h"

namespace odenet::fixed {

namespace {

size_t pixels_of(int height, int width) { return static_cast<size_t>(height) * static_cast<size_t>(width); }

Network checked(Network network) {
  check(network);
  require_accumulators_fit(network);
  return network;
}

// Gathers the points of images that are computed in any order, and shows them point by point.
class Points {
 public:
  explicit Points(int images) : images_(static_cast<size_t>(images)) {}

  // The `index`-th point of that image; the points of an image come in order.
  void add(size_t index, int image, std::string_view name, const Map& map) {
    const size_t size = static_cast<size_t>(map.channels()) * static_cast<size_t>(map.pixels());
    map.write(values(index, name, size).subspan(static_cast<size_t>(image) * size, size));
  }

  void show(const Tap& tap) const {
    for (const Point& point : points_) tap(point.name, point.values);
  }

 private:
  struct Point {
    std::string name;
    std::vector<int32_t> values;
  };

  std::span<int32_t> values(size_t index, std::string_view name, size_t size) {
    const std::lock_guard lock(mutex_);
    if (index == points_.size()) points_.push_back({std::string(name), std::vector<int32_t>(images_ * size)});
    return points_[index].values;
  }

  size_t images_;
  std::mutex mutex_;
  std::deque<Point> points_;
};

}  // namespace

BlockRunner::BlockRunner(const Block& block, const Formats& formats, int threads, std::optional<Format> input)
    : block_(block),
      output_(formats.activation_of(block.name)),
      scale_fraction_(formats.scale.fraction),
      threads_(thread_count(threads)) {
  input_ = input.value_or(block.ode ? output_ : formats.activation);
  check_method(block_.method, block_.name, block_.executions);
  for (const ConvLayer& layer : conv_layers(block_, formats, input_)) {
    auto& conv = layer.name.ends_with(".conv1.depthwise")   ? depthwise1_
                 : layer.name.ends_with(".conv2.depthwise") ? depthwise2_
                 : layer.name.ends_with(".conv1")           ? conv1_
                 : layer.name.ends_with(".conv2")           ? conv2_
                                                            : projection_;
    conv.emplace(layer);
  }
}

void BlockRunner::convolve(const std::optional<Convolution>& depthwise, const Convolution& conv, Layer layer,
                           const Convolution::Job& job, Workspace& workspace, ThreadPool* pool, Map& output,
                           const Observer& observer) {
  const Map* input = &job.input;
  if (depthwise) {
    saturations_[layer - 1] += depthwise->run({.input = job.input}, workspace.scratch, pool, workspace.filtered).sum;
    if (observer)
      observer(fmt::format("{}.conv{}.depthwise", point(job.execution), layer == kConv1 ? 1 : 2), workspace.filtered);
    input = &workspace.filtered;
  }
  if (job.added && observer.everything()) {
    conv.run({*input, job.execution}, workspace.scratch, pool, workspace.stage);
    observer(point(job.execution) + (layer == kConv1 ? ".hidden.branch" : ".branch"), workspace.stage);
  }
  const kernels::Saturations count =
      conv.run({*input, job.execution, job.added, job.added_format, job.relu}, workspace.scratch, pool, output);
  saturations_[layer] += count.sum;
  saturations_[layer + 1] += count.norm;
  saturations_[kSum] += count.added;
}

std::string BlockRunner::point(int execution) const {
  return block_.ode ? fmt::format("{}[{}]", block_.name, execution) : block_.name;
}

BlockRunner::Added BlockRunner::shortcut(Workspace& workspace, ThreadPool* pool) {
  const Map& x = workspace.map;
  Map& result = workspace.shortcut;
  if (projection_) {
    const auto count = projection_->run({.input = x}, workspace.scratch, pool, result);
    saturations_[kProjection] += count.sum;
    saturations_[kProjectionNorm] += count.norm;
    return {&result, projection_->formats().output};
  }
  if (block_.stride == 1 && block_.channels() == block_.in_channels()) return {&x, input_};
  result.reshape(block_.channels(), block_.out_height(), block_.out_width());  // every stride-th pixel, and zeros
  for (int row = 0; row < result.height(); ++row)
    for (int column = 0; column < result.width(); ++column) {
      int32_t* to = result.pixel(row, column);
      const int32_t* from = x.pixel(row * block_.stride, column * block_.stride);
      std::copy_n(from, block_.in_channels(), to);
      std::fill(to + block_.in_channels(), to + result.pitch(), 0);
    }
  return {&result, input_};
}

void BlockRunner::evaluate(const Map& x, int execution, const Added& first, const Added& second, Workspace& workspace,
                           ThreadPool* pool, Map& y, const Observer& observer) {
  convolve(depthwise1_, *conv1_, kConv1, {x, execution, first.first, first.second, /*relu=*/true}, workspace, pool,
           workspace.hidden, observer);
  if (observer) observer(point(execution) + ".hidden", workspace.hidden);
  convolve(depthwise2_, *conv2_, kConv2, {workspace.hidden, execution, second.first, second.second, !block_.ode},
           workspace, pool, y, observer);
}

void BlockRunner::step(const RungeKutta& method, int first, Workspace& workspace, ThreadPool* pool,
                       const Observer& observer) {
  Map &z = workspace.map, &u = workspace.stage;
  std::vector<Map>& slopes = workspace.slopes;
  const auto stages = static_cast<size_t>(method.stages);
  slopes.resize(stages);
  int64_t saturated = 0;
  int evaluation = first;
  Map term;  // only to be shown
  const auto add = [&](int32_t coefficient, const Map& slope, Map& sum) {
    if (coefficient == 0) return;
    if (observer.everything()) {
      term.reshape(slope.channels(), slope.height(), slope.width());
      std::ranges::transform(std::span(slope.data(), slope.size()), term.data(), [&](int32_t value) {
        int64_t unused = 0;
        return saturate(round_half_up(int64_t{value} * coefficient, scale_fraction_), output_, &unused);
      });
      observer(point(evaluation) + ".term", term);
    }
    for (size_t n = 0; n < sum.size(); ++n) {
      const int64_t product = round_half_up(int64_t{slope.data()[n]} * coefficient, scale_fraction_);
      sum.data()[n] = saturate(int64_t{sum.data()[n]} + saturate(product, output_, &saturated), output_, &saturated);
    }
    if (observer.everything()) observer(point(evaluation) + ".partial", sum);
  };
  for (size_t i = 0; i < stages; ++i, ++evaluation) {
    if (i > 0) {
      u.reshape(z.channels(), z.height(), z.width());
      std::copy_n(z.data(), z.size(), u.data());
      for (size_t j = 0; j < i; ++j) add(method.a[i * stages + j], slopes[j], u);
    }
    evaluate(i == 0 ? z : u, evaluation, {}, {}, workspace, pool, slopes[i], observer);
    if (observer.everything()) observer(point(evaluation) + ".branch", slopes[i]);
  }
  evaluation = first + method.stages - 1;
  for (size_t i = 0; i < stages; ++i) add(method.b[i], slopes[i], z);
  saturations_[kSum] += saturated;
}

// slopes: V, W
void BlockRunner::step(const Leapfrog&, int evaluation, Workspace& workspace, ThreadPool* pool,
                       const Observer& observer) {
  Map &z = workspace.map, &v = workspace.slopes[0], &w = workspace.slopes[1];
  int64_t saturated = 0;
  const auto add_half_of_v = [&] {
    for (size_t n = 0; n < z.size(); ++n)
      z.data()[n] = saturate(z.data()[n] + round_half_up(v.data()[n], 1), output_, &saturated);
    if (observer.everything()) observer(point(evaluation) + ".partial", z);
  };
  add_half_of_v();
  evaluate(z, evaluation, {}, {}, workspace, pool, w, observer);
  if (observer.everything()) observer(point(evaluation) + ".branch", w);
  for (size_t n = 0; n < v.size(); ++n)
    v.data()[n] = saturate(2 * int64_t{w.data()[n]} - v.data()[n], output_, &saturated);
  if (observer.everything()) observer(point(evaluation) + ".term", v);
  add_half_of_v();
  saturations_[kSum] += saturated;
}

void BlockRunner::integrate(Workspace& workspace, ThreadPool* pool, const Observer& observer) {
  Map& z = workspace.map;
  if (input_ != output_) {
    int64_t saturated = 0;
    for (int32_t& value : std::span(z.data(), z.size()))
      value = saturate(align(value, input_.fraction, output_.fraction), output_, &saturated);
    saturations_[kSum] += saturated;
  }
  if (observer.everything()) observer(point(0) + ".start", z);
  if (const auto* runge_kutta = std::get_if<RungeKutta>(&block_.method)) {
    for (int i = 0; i < block_.executions; i += runge_kutta->stages) step(*runge_kutta, i, workspace, pool, observer);
  } else if (const auto* leapfrog = std::get_if<Leapfrog>(&block_.method)) {
    workspace.slopes.resize(2);
    evaluate(z, 0, {}, {}, workspace, pool, workspace.slopes[0], observer);
    if (observer.everything()) observer(point(0) + ".branch", workspace.slopes[0]);
    for (int i = 1; i < block_.executions; ++i) step(*leapfrog, i, workspace, pool, observer);
  } else {
    for (int i = 0; i < block_.executions; ++i) {
      evaluate(z, i, {}, {&z, output_}, workspace, pool, z, observer);
      if (observer && i + 1 < block_.executions) observer(point(i), z);
    }
  }
  if (observer) observer(point(block_.executions - 1), z);
}

void BlockRunner::run_image(Workspace& workspace, ThreadPool* pool, const Observer& observer) {
  if (block_.ode) return integrate(workspace, pool, observer);
  Added added{};
  if (block_.skip != Skip::kNone) added = shortcut(workspace, pool);
  const bool shortened = block_.skip == Skip::kShort;
  evaluate(workspace.map, 0, shortened ? added : Added(), shortened ? Added() : added, workspace, pool, workspace.next,
           observer);
  if (observer) observer(block_.name, workspace.next);
  std::swap(workspace.map, workspace.next);
}

std::vector<int32_t> BlockRunner::run(std::span<const int32_t> input, const Tap& tap) {
  const size_t in_size = static_cast<size_t>(block_.in_channels()) * pixels_of(block_.height, block_.width);
  const size_t size = static_cast<size_t>(block_.channels()) * pixels_of(block_.out_height(), block_.out_width());
  const size_t count = input.size() / in_size;
  if (count * in_size != input.size())
    throw Error("block {}: {} input values, expected a multiple of {}", block_.name, input.size(), in_size);
  std::vector<int32_t> output(count * size);
  Points points(static_cast<int>(count));
  if (!pool_) {
    pool_ = std::make_unique<ThreadPool>(threads_);
    workspaces_.resize(static_cast<size_t>(pool_->size()));
  }
  const auto compute = [&](int image, Workspace& workspace, ThreadPool* pool) {
    const auto at = static_cast<size_t>(image);
    workspace.map.read(input.subspan(at * in_size, in_size), block_.in_channels(), block_.height, block_.width);
    size_t index = 0;
    Observer observer;
    if (tap) observer.show = [&](std::string_view point, const Map& map) { points.add(index++, image, point, map); };
    run_image(workspace, pool, observer);
    workspace.map.write(std::span(output).subspan(at * size, size));
  };
  if (count == 1)
    compute(0, workspaces_.front(), pool_.get());
  else
    pool_->run(static_cast<int>(count),
               [&](int image, int worker) { compute(image, workspaces_[static_cast<size_t>(worker)], nullptr); });
  if (tap) points.show(tap);
  return output;
}

std::vector<LayerSaturations> BlockRunner::saturations() const {
  std::vector<LayerSaturations> result;
  const auto append = [&](const char* layer, Layer index) {
    result.push_back({block_.name + layer, saturations_[index]});
  };
  if (depthwise1_) append(".conv1.depthwise", kDepthwise1);
  append(".conv1", kConv1);
  append(".norm1", kNorm1);
  if (depthwise2_) append(".conv2.depthwise", kDepthwise2);
  append(".conv2", kConv2);
  append(".norm2", kNorm2);
  if (projection_) append(".shortcut", kProjection);
  if (projection_) append(".shortcut.norm", kProjectionNorm);
  if (block_.ode || block_.skip != Skip::kNone) append(".sum", kSum);
  return result;
}

Runner::Runner(Network network, int threads)
    : network_(checked(std::move(network))),
      pool_(threads),
      workspaces_(static_cast<size_t>(pool_.size())),
      stem_(conv_layers(network_).front()),
      replacements_(network_.blocks.size()) {
  Format input = network_.activation_of("conv1");
  for (const Block& block : network_.blocks) {
    blocks_.push_back(std::make_unique<BlockRunner>(block, network_.formats(), pool_.size(), input));
    input = network_.activation_of(block.name);
  }
}

void Runner::replace_block(size_t index, BlockFunction function) { replacements_.at(index) = std::move(function); }

void Runner::replace_network(BlockFunction function) { network_replacement_ = std::move(function); }

std::vector<int32_t> Runner::input_activations(std::span<const uint8_t> images) const {
  const auto channels = static_cast<size_t>(network_.spec.in_channels);
  const size_t pixels = pixels_of(network_.spec.height, network_.spec.width);
  image_count(images);
  std::vector<int32_t> values;
  values.reserve(images.size());
  for (size_t i = 0; i < images.size(); ++i) values.push_back(input_activation(i / pixels % channels, images[i]));
  return values;
}

int Runner::image_count(std::span<const uint8_t> images) const {
  const NetworkSpec& spec = network_.spec;
  const size_t size = static_cast<size_t>(spec.in_channels) * pixels_of(spec.height, spec.width);
  if (images.size() % size != 0)
    throw Error("{} bytes of pixels, expected a multiple of {} ({} x {} x {})", images.size(), size, spec.in_channels,
                spec.height, spec.width);
  return static_cast<int>(images.size() / size);
}

void Runner::run_stem(std::span<const uint8_t> image, Workspace& workspace, ThreadPool* pool) {
  const NetworkSpec& spec = network_.spec;
  const size_t pixels = pixels_of(spec.height, spec.width);
  Map& x = workspace.next;
  x.reshape(spec.in_channels, spec.height, spec.width);
  std::fill_n(x.data(), x.size(), 0);
  const auto pitch = static_cast<size_t>(x.pitch());
  for (size_t i = 0; i < image.size(); ++i)
    x.data()[i % pixels * pitch + i / pixels] = input_activation(i / pixels, image[i]);
  const auto count = stem_.run({.input = x, .relu = true}, workspace.scratch, pool, workspace.map);
  stem_saturations_ += count.sum;
  stem_norm_saturations_ += count.norm;
}

std::vector<int32_t> Runner::run_blocks(std::span<const uint8_t> images, size_t end, const Tap& tap, Shown shown) {
  const int count = image_count(images);
  const size_t image_size = images.size() / static_cast<size_t>(std::max(count, 1));
  const auto map_size = [&](size_t before) {  // of the map before that block
    const NetworkSpec& spec = network_.spec;
    if (before == 0) return static_cast<size_t>(spec.stem_channels) * pixels_of(spec.height, spec.width);
    const Block& block = network_.blocks[before - 1];
    return static_cast<size_t>(block.channels()) * pixels_of(block.out_height(), block.out_width());
  };
  std::vector<int32_t> input, output;  // of the blocks between two replaced ones
  for (size_t first = 0;; ++first) {
    size_t stop = first;
    while (stop < end && !replacements_[stop]) ++stop;
    const size_t in_size = map_size(first), size = map_size(stop);
    output.resize(static_cast<size_t>(count) * size);
    Points points(count);
    const auto run_image = [&](int image, Workspace& workspace, ThreadPool* pool) {
      const auto at = static_cast<size_t>(image);
      size_t index = 0;
      BlockRunner::Observer observer{.shown = shown};
      if (tap) observer.show = [&](std::string_view point, const Map& map) { points.add(index++, image, point, map); };
      if (input.empty()) {
        run_stem(images.subspan(at * image_size, image_size), workspace, pool);
        if (tap) observer("conv1", workspace.map);
      } else {
        const Block& block = network_.blocks[first - 1];
        workspace.map.read(std::span(input).subspan(at * in_size, in_size), block.channels(), block.out_height(),
                           block.out_width());
      }
      for (size_t i = first; i < stop; ++i) blocks_[i]->run_image(workspace, pool, observer);
      workspace.map.write(std::span(output).subspan(at * size, size));
    };
    if (count == 1)
      run_image(0, workspaces_.front(), &pool_);
    else
      pool_.run(count,
                [&](int image, int worker) { run_image(image, workspaces_[static_cast<size_t>(worker)], nullptr); });
    if (tap) points.show(tap);
    if (stop == end) return output;

    const Block& block = network_.blocks[stop];
    const size_t expected = static_cast<size_t>(count) * map_size(stop + 1);
    input = replacements_[stop](output);
    if (input.size() != expected)
      throw Error("block {}: its replacement gave {} values, expected {}", block.name, input.size(), expected);
    if (tap) tap(block.ode ? fmt::format("{}[{}]", block.name, block.executions - 1) : block.name, input);
    first = stop;
  }
}

std::vector<int32_t> Runner::block_input(std::span<const uint8_t> images, size_t index) {
  return run_blocks(images, index, {}, Shown::kPoints);
}

std::vector<int32_t> Runner::run(std::span<const uint8_t> images, const Tap& tap, Shown shown) {
  const size_t count = static_cast<size_t>(image_count(images));
  const size_t features = static_cast<size_t>(network_.spec.features());
  const size_t classes = static_cast<size_t>(network_.spec.classes);
  if (count == 0) return {};
  if (network_replacement_) {
    std::vector<int32_t> logits = network_replacement_(input_activations(images));
    if (logits.size() != count * classes)
      throw Error("{}: its replacement gave {} logits, expected {}", network_.spec.model, logits.size(),
                  count * classes);
    if (tap) tap("fc", logits);
    return logits;
  }
  const std::vector<int32_t> maps = run_blocks(images, network_.blocks.size(), tap, shown);
  const size_t pixels = maps.size() / (count * features);

  std::vector<int32_t> pooled(count * features);
  for (size_t i = 0; i < pooled.size(); ++i) {
    int64_t sum = 0;
    for (const int32_t value : std::span(maps).subspan(i * pixels, pixels)) sum += value;
    pooled[i] = static_cast<int32_t>(divide_half_up(sum, static_cast<int64_t>(pixels)));
  }
  if (tap) tap("pool", pooled);

  const Format input = format_at(network_, "pool"), output = format_at(network_, "fc");
  const int shift = input.fraction + network_.weight_of("fc").fraction - output.fraction;
  std::vector<int32_t> logits(count * classes);
  int64_t saturations = 0;
  for (size_t i = 0; i < logits.size(); ++i) {
    const size_t image = i / classes, label = i % classes;
    int64_t sum = 0;
    for (size_t k = 0; k < features; ++k)
      sum += int64_t{pooled[image * features + k]} * network_.fc_weight[label * features + k];
    logits[i] = saturate(round_half_up(sum, shift) + network_.fc_bias[label], output, &saturations);
  }
  fc_saturations_ += saturations;
  if (tap) tap("fc", logits);
  return logits;
}

std::vector<LayerSaturations> Runner::saturations() const {
  std::vector<LayerSaturations> result{{"conv1", stem_saturations_}, {"conv1.norm", stem_norm_saturations_}};
  for (const auto& block : blocks_)
    for (LayerSaturations& layer : block->saturations()) result.push_back(std::move(layer));
  result.push_back({"fc", fc_saturations_});
  return result;
}

int64_t Runner::total_saturations() const {
  int64_t total = 0;
  for (const LayerSaturations& layer : saturations()) total += layer.count;
  return total;
}

}  // namespace odenet::fixed
