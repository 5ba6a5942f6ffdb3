#include "fixed/runner.h"

#include <algorithm>

#include "core/error.h"
#include "fixed/accumulator_proof.h"
#include "fixed/parallel.h"

namespace odenet::fixed {

namespace {

// y = sat(round(c * scale) + shift), in place, for [C, pixels] of one image; returns the number of saturated values.
int64_t apply_norm(const Norm& norm, const Formats& formats, int execution, int channels, size_t pixels, bool relu,
                   std::span<int32_t> values) {
  int64_t saturations = 0;
  for (size_t channel = 0; channel < static_cast<size_t>(channels); ++channel) {
    const size_t at = static_cast<size_t>(execution * channels) + channel;
    const int64_t scale = norm.scale[at], shift = norm.shift[at];
    for (int32_t& value : values.subspan(channel * pixels, pixels)) {
      const int64_t product = round_half_up(value * scale, formats.scale.fraction);
      value = saturate(product + shift, formats.activation, &saturations);
      if (relu) value = std::max(value, 0);
    }
  }
  return saturations;
}

size_t pixels_of(int height, int width) { return static_cast<size_t>(height) * static_cast<size_t>(width); }

// z += step, of the same size.
int64_t add(Format activation, std::span<const int32_t> step, std::span<int32_t> z) {
  int64_t saturations = 0;
  for (size_t i = 0; i < z.size(); ++i) z[i] = saturate(int64_t{z[i]} + step[i], activation, &saturations);
  return saturations;
}

void relu(std::span<int32_t> values) {
  for (int32_t& value : values) value = std::max(value, 0);
}

std::optional<Convolution> make_convolution(const std::optional<Conv>& conv, const Formats& formats,
                                            const std::string& name) {
  return conv ? std::optional<Convolution>(std::in_place, *conv, formats, name) : std::nullopt;
}

Network checked(Network network) {
  check(network);
  require_accumulators_fit(network);
  return network;
}

}  // namespace

BlockRunner::BlockRunner(const Block& block, const Formats& formats, int threads)
    : block_(block),
      formats_(formats),
      depthwise1_(make_convolution(block.depthwise1, formats, block.name + ".conv1.depthwise")),
      depthwise2_(make_convolution(block.depthwise2, formats, block.name + ".conv2.depthwise")),
      projection_(make_convolution(block.projection, formats, block.name + ".shortcut")),
      conv1_(block.conv1, formats, block.name + ".conv1"),
      conv2_(block.conv2, formats, block.name + ".conv2"),
      workspaces_(static_cast<size_t>(thread_count(threads))) {
  const auto executions = static_cast<size_t>(block.executions), channels = static_cast<size_t>(block.channels());
  for (const ConvLayer& layer : conv_layers(block)) {
    const size_t entries = (layer.norm == &block.projection_norm ? 1 : executions) * channels;
    if (layer.norm)
      for (const std::vector<int32_t>* table : {&layer.norm->scale, &layer.norm->shift})
        if (table->size() != entries)
          throw Error("{}: {} entries, expected {} executions x {} channels", layer.norm_name, table->size(),
                      entries / channels, channels);
    const bool timed = block.ode && (&layer.conv == &block.conv1 || &layer.conv == &block.conv2);
    const size_t biases = timed ? entries * static_cast<size_t>(layer.conv.border_classes()) : 0;
    if (layer.conv.time_bias.size() != biases)
      throw Error("{}: {} time biases, expected {}", layer.name, layer.conv.time_bias.size(), biases);
  }
}

void BlockRunner::convolve(const std::optional<Convolution>& depthwise, const Convolution& conv, Layer layer,
                           int stride, std::span<const int32_t> x, int height, int width, int execution,
                           Workspace& workspace, std::span<int32_t> y) {
  if (depthwise) {
    const int out_height = conv_size(height, stride), out_width = conv_size(width, stride);
    const size_t channels = x.size() / pixels_of(height, width);
    workspace.filtered.resize(channels * pixels_of(out_height, out_width));
    saturations_[layer - 1] += depthwise->run(x, height, width, execution, workspace.scratch, workspace.filtered);
    x = workspace.filtered;
    height = out_height;
    width = out_width;
  }
  saturations_[layer] += conv.run(x, height, width, execution, workspace.scratch, y);
}

// y [C, H', W'] += shortcut(x).
void BlockRunner::add_shortcut(std::span<const int32_t> x, Workspace& workspace, std::span<int32_t> y) {
  if (!block_.projection && x.size() == y.size()) {
    saturations_[kSum] += add(formats_.activation, x, y);
    return;
  }
  const int height = block_.out_height(), width = block_.out_width();
  std::vector<int32_t>& shortcut = workspace.shortcut;
  if (projection_) {
    shortcut.resize(y.size());
    saturations_[kProjection] += projection_->run(x, block_.height, block_.width, 0, workspace.scratch, shortcut);
    saturations_[kProjectionNorm] += apply_norm(block_.projection_norm, formats_, 0, block_.channels(),
                                                pixels_of(height, width), /*relu=*/false, shortcut);
  } else {  // of the further channels nothing is added
    shortcut.clear();
    for (int channel = 0; channel < block_.in_channels(); ++channel)
      for (int row = 0; row < height; ++row)
        for (int column = 0; column < width; ++column)
          shortcut.push_back(x[static_cast<size_t>((channel * block_.height + row * block_.stride) * block_.width +
                                                   column * block_.stride)]);
  }
  saturations_[kSum] += add(formats_.activation, shortcut, y.first(shortcut.size()));
}

// norm2(conv2 a) with a = relu(norm1(conv1 x)), and the shortcut where it belongs; what follows is the caller's.
void BlockRunner::run_image(std::span<const int32_t> x, int execution, Workspace& workspace, std::span<int32_t> hidden,
                            std::span<int32_t> y) {
  const int height = block_.out_height(), width = block_.out_width();
  const size_t pixels = pixels_of(height, width);
  const bool full = !block_.ode && block_.skip == Skip::kFull, shortened = block_.skip == Skip::kShort;
  convolve(depthwise1_, conv1_, kConv1, block_.stride, x, block_.height, block_.width, execution, workspace, hidden);
  saturations_[kNorm1] +=
      apply_norm(block_.norm1, formats_, execution, block_.channels(), pixels, /*relu=*/!shortened, hidden);
  if (shortened) {
    add_shortcut(x, workspace, hidden);
    relu(hidden);
  }
  convolve(depthwise2_, conv2_, kConv2, 1, hidden, height, width, execution, workspace, y);
  saturations_[kNorm2] += apply_norm(block_.norm2, formats_, execution, block_.channels(), pixels, /*relu=*/false, y);
  if (full) add_shortcut(x, workspace, y);
  if (!block_.ode) relu(y);
}

std::vector<int32_t> BlockRunner::run(std::span<const int32_t> input, const Tap& tap) {
  const size_t in_size = static_cast<size_t>(block_.in_channels()) * pixels_of(block_.height, block_.width);
  const size_t size = static_cast<size_t>(block_.channels()) * pixels_of(block_.out_height(), block_.out_width());
  const size_t count = input.size() / in_size;
  if (count * in_size != input.size())
    throw Error("block {}: {} input values, expected a multiple of {}", block_.name, input.size(), in_size);

  std::vector<int32_t> hidden(count * size);
  std::vector<int32_t> z(count * size);
  if (block_.ode) z.assign(input.begin(), input.end());
  for (int execution = 0; execution < block_.executions; ++execution) {
    parallel_for(static_cast<int>(count), static_cast<int>(workspaces_.size()), [&](int image, int worker) {
      Workspace& workspace = workspaces_[static_cast<size_t>(worker)];
      const auto map_of = [&](auto& maps) { return std::span(maps).subspan(static_cast<size_t>(image) * size, size); };
      const std::span<int32_t> out = map_of(z);
      if (!block_.ode)
        return run_image(input.subspan(static_cast<size_t>(image) * in_size, in_size), execution, workspace,
                         map_of(hidden), out);
      workspace.map.resize(size);
      run_image(out, execution, workspace, map_of(hidden), workspace.map);
      saturations_[kSum] += add(formats_.activation, workspace.map, out);
    });
    if (!tap) continue;
    const std::string point = block_.ode ? fmt::format("{}[{}]", block_.name, execution) : block_.name;
    tap(point + ".hidden", hidden);
    tap(point, z);
  }
  return z;
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
      threads_(thread_count(threads)),
      stem_(network_.stem, network_.formats(), "conv1"),
      replacements_(network_.blocks.size()) {
  for (const Block& block : network_.blocks)
    blocks_.push_back(std::make_unique<BlockRunner>(block, network_.formats(), threads_));
}

void Runner::replace_block(size_t index, BlockFunction function) { replacements_.at(index) = std::move(function); }

int Runner::image_count(std::span<const uint8_t> images) const {
  const NetworkSpec& spec = network_.spec;
  const size_t size = static_cast<size_t>(spec.in_channels) * pixels_of(spec.height, spec.width);
  if (images.size() % size != 0)
    throw Error("{} bytes of pixels, expected a multiple of {} ({} x {} x {})", images.size(), size, spec.in_channels,
                spec.height, spec.width);
  return static_cast<int>(images.size() / size);
}

std::vector<int32_t> Runner::run_stem(std::span<const uint8_t> images) {
  const NetworkSpec& spec = network_.spec;
  const size_t pixels = pixels_of(spec.height, spec.width);
  const size_t in_size = static_cast<size_t>(spec.in_channels) * pixels;
  const size_t size = static_cast<size_t>(spec.stem_channels) * pixels;
  const int count = image_count(images);
  std::vector<int32_t> maps(static_cast<size_t>(count) * size);
  std::vector<Convolution::Scratch> scratch(static_cast<size_t>(threads_));
  parallel_for(count, threads_, [&](int image, int worker) {
    const std::span<const uint8_t> bytes = images.subspan(static_cast<size_t>(image) * in_size, in_size);
    std::vector<int32_t> x(in_size);
    for (size_t i = 0; i < in_size; ++i) x[i] = network_.input_table[i / pixels * 256 + bytes[i]];
    const std::span<int32_t> y = std::span(maps).subspan(static_cast<size_t>(image) * size, size);
    stem_saturations_ += stem_.run(x, spec.height, spec.width, 0, scratch[static_cast<size_t>(worker)], y);
    stem_norm_saturations_ +=
        apply_norm(network_.stem_norm, network_.formats(), 0, spec.stem_channels, pixels, /*relu=*/true, y);
  });
  return maps;
}

std::vector<int32_t> Runner::run_blocks(std::span<const uint8_t> images, size_t end, const Tap& tap) {
  std::vector<int32_t> maps = run_stem(images);
  if (tap) tap("conv1", maps);
  for (size_t index = 0; index < end; ++index) {
    if (!replacements_[index]) {
      maps = blocks_[index]->run(maps, tap);
      continue;
    }
    const Block& block = network_.blocks[index];
    const size_t expected = static_cast<size_t>(image_count(images)) * static_cast<size_t>(block.channels()) *
                            pixels_of(block.out_height(), block.out_width());
    maps = replacements_[index](maps);
    if (maps.size() != expected)
      throw Error("block {}: its replacement gave {} values, expected {}", block.name, maps.size(), expected);
    if (tap) tap(block.ode ? fmt::format("{}[{}]", block.name, block.executions - 1) : block.name, maps);
  }
  return maps;
}

std::vector<int32_t> Runner::block_input(std::span<const uint8_t> images, size_t index) {
  return run_blocks(images, index, {});
}

std::vector<int32_t> Runner::run(std::span<const uint8_t> images, const Tap& tap) {
  const size_t count = static_cast<size_t>(image_count(images));
  const size_t features = static_cast<size_t>(network_.spec.features());
  const size_t classes = static_cast<size_t>(network_.spec.classes);
  if (count == 0) return {};
  const std::vector<int32_t> maps = run_blocks(images, network_.blocks.size(), tap);
  const size_t pixels = maps.size() / (count * features);

  std::vector<int32_t> pooled(count * features);
  for (size_t i = 0; i < pooled.size(); ++i) {
    int64_t sum = 0;
    for (const int32_t value : std::span(maps).subspan(i * pixels, pixels)) sum += value;
    pooled[i] = static_cast<int32_t>(divide_half_up(sum, static_cast<int64_t>(pixels)));
  }
  if (tap) tap("pool", pooled);

  std::vector<int32_t> logits(count * classes);
  int64_t saturations = 0;
  for (size_t i = 0; i < logits.size(); ++i) {
    const size_t image = i / classes, label = i % classes;
    int64_t sum = 0;
    for (size_t k = 0; k < features; ++k)
      sum += int64_t{pooled[image * features + k]} * network_.fc_weight[label * features + k];
    logits[i] = saturate(round_half_up(sum, network_.weight.fraction) + network_.fc_bias[label], network_.activation,
                         &saturations);
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

}  // namespace odenet::fixed
