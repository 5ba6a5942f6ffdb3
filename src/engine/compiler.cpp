#include "engine/compiler.h"

#include <algorithm>
#include <array>
#include <map>

#include "core/error.h"
#include "engine/requirements.h"
#include "engine/resources.h"
#include "fixed/accumulator_proof.h"

namespace odenet::engine {
namespace {

constexpr int kTaps = 9, kBorderClasses = 9;
constexpr int kMacs[] = {1, 2, 4, 8, 16, 32, 64};

size_t idx(int64_t i) { return static_cast<size_t>(i); }

class Compiler {
 public:
  Compiler(const fixed::Block& block, const fixed::Formats& formats, Lanes lanes) : block_(block) {
    program_.block = block.name;
    program_.executions = block.executions;
    program_.input = {block.in_channels(), block.height, block.width};
    program_.output = {block.channels(), block.out_height(), block.out_width()};
    program_.parameters.lanes = lanes;
    program_.parameters.activation = formats.activation;
    program_.parameters.weight = formats.weight;
    program_.parameters.sum_fraction = formats.sum_of(formats.activation, formats.weight).fraction;
    program_.parameters.scale_fraction = formats.scale.fraction;
    program_.parameters.mac_dsps = one_dsp_suffices(block, formats) ? 1 : 2;
    online_ = block.norm == NormKind::kInstance;
    program_.weights.resize(idx(lanes.oc));
    in_ = words(program_.input);
    out_ = words(program_.output);
  }

  Program run() {
    if (const auto* method = std::get_if<fixed::RungeKutta>(&block_.method))
      runge_kutta(*method);
    else if (block_.ode)
      ode();
    else if (online_)
      online_network_block();
    else
      network_block();
    return finish();
  }

 private:
  uint32_t words(const MapShape& shape) const {
    return static_cast<uint32_t>(shape.size() / program_.parameters.lanes.px);
  }

  // z is in map 0 from address 0 on.
  void ode() {
    load(kMap0);
    const uint32_t body = position();
    if (block_.depthwise1) {
      convolve(*block_.depthwise1, nullptr, {.source = 0, .destination = kMap1});
      layer(block_.conv1, block_.norm1, {.source = 1, .destination = kMap0, .destination_base = in_, .relu = true},
            in_);
      convolve(*block_.depthwise2, nullptr, {.source = 0, .source_base = in_, .destination = kMap1});
    } else {
      layer(block_.conv1, block_.norm1, {.source = 0, .destination = kMap1, .relu = true}, 0);
    }
    layer(block_.conv2, block_.norm2, {.source = 1, .destination = kMap0, .add = true}, in_);
    loop(body, block_.executions);
    store(0, 0);
  }

  // Map 0: u, then K_0, K_1, ...; map 1: z, the hidden map, a sum that is not finished.
  void runge_kutta(const fixed::RungeKutta& method) {
    const auto stages = static_cast<size_t>(method.stages);
    const uint32_t hidden = in_, unfinished = 2 * in_;
    const auto result = [&](size_t stage) { return in_ * static_cast<uint32_t>(1 + stage); };
    // Adds the terms of one row to z; the finished sum goes to the beginning of `destination`.
    const auto add_terms = [&](std::span<const int32_t> row, uint32_t temporary, uint32_t destination) {
      const auto is_term = [](int32_t value) { return value != 0; };
      const auto terms = std::count_if(row.begin(), row.end(), is_term);
      if (terms == 0) throw Error("block {}: a row of its Runge-Kutta method is zero", block_.name);
      int64_t term = 0;
      for (size_t j = 0; j < row.size(); ++j)
        if (is_term(row[j])) {
          const bool first = term == 0, last = ++term == terms;
          combine(result(j), row[j], first ? 0 : temporary, last ? destination : kMap1, last ? 0 : temporary);
        }
    };

    load(kBothMaps);
    const uint32_t body = position();
    for (size_t stage = 0; stage < stages; ++stage) {
      if (stage > 0) add_terms(std::span(method.a).subspan(stage * stages, stage), unfinished, kMap0);
      stage_ = stage;
      layer(block_.conv1, block_.norm1, {.source = 0, .destination = kMap1, .destination_base = hidden, .relu = true},
            hidden);
      layer(block_.conv2, block_.norm2,
            {.source = 1, .source_base = hidden, .destination = kMap0, .destination_base = result(stage)}, unfinished);
    }
    add_terms(method.b, 0, kBothMaps);
    program_.stages = method.stages;
    loop(body, block_.executions / method.stages);
    store(0, 0);
  }

  // x, or what the shortcut makes of it, is in map 0; the hidden map and the sums before a norm are in map 1.
  void online_network_block() {
    const bool full = block_.skip == Skip::kFull, shortened = block_.skip == Skip::kShort;
    load(kMap0);
    Place shortcut{.source = 1, .destination = kMap1, .add = true};
    if (block_.projection && (full || shortened)) {
      layer(*block_.projection, block_.projection_norm, {.source = 0, .destination = kMap0, .destination_base = in_},
            0);
      shortcut.old_base = in_;
    } else if (full || shortened) {
      if (block_.stride == 2) {
        subsample(in_);
        shortcut.old_base = in_;
      }
      shortcut.old_channels = static_cast<uint32_t>(block_.in_channels());
    }

    uint32_t hidden = 0;
    Place first = shortened ? shortcut : Place{.destination = kMap1};
    first.source = first.source_base = 0;
    if (block_.depthwise1) {
      convolve(*block_.depthwise1, nullptr, {.source = 0, .destination = kMap1});
      first.source = 1;
      const uint32_t plane = out_ / static_cast<uint32_t>(block_.channels());
      hidden = std::max(out_, plane * static_cast<uint32_t>(block_.in_channels()));
    }
    first.destination_base = hidden;
    first.relu = true;
    layer(block_.conv1, block_.norm1, first, hidden);

    Place second = full ? shortcut : Place{};
    second.source = 1;
    second.source_base = hidden;
    if (block_.depthwise2) {
      convolve(*block_.depthwise2, nullptr, {.source = 1, .source_base = hidden, .destination = kMap1});
      second.source_base = 0;
    }
    second.destination = kMap0;
    second.destination_base = full ? shortcut.old_base : 0;
    second.relu = true;
    layer(block_.conv2, block_.norm2, second, block_.depthwise2 ? hidden : out_);
    store(0, second.destination_base);
  }

  // Every second row and pixel of x, in map 0 from `destination` on: a depthwise convolution whose kernels are one in
  // the middle.
  void subsample(uint32_t destination) {
    const fixed::Format weight = program_.parameters.weight;
    const int64_t one = int64_t{1} << weight.fraction;
    if (!weight.contains(one))
      throw Error("block {}: a weight of 1, which its shortcut needs, does not fit {}", block_.name,
                  fixed::describe(weight));
    subsample_ = {
        .in_channels = block_.in_channels(), .channels = block_.in_channels(), .stride = 2, .depthwise = true};
    subsample_.weight.resize(idx(block_.in_channels() * kTaps));
    for (int channel = 0; channel < block_.in_channels(); ++channel)
      subsample_.weight[idx(channel * kTaps + kTaps / 2)] = static_cast<int32_t>(one);
    convolve(subsample_, nullptr, {.source = 0, .destination = kMap0, .destination_base = destination});
  }

  // x is in map 0, and where the short skip adds it in map 1 too.
  void network_block() {
    const bool full = block_.skip == Skip::kFull, shortened = block_.skip == Skip::kShort;
    const bool same_shape = program_.input == program_.output;
    // An old value may be overwritten by the sum with it: of the same shape, it is read before.
    const uint32_t behind_x = same_shape && !block_.projection ? 0 : in_;
    load(shortened && !block_.projection ? kBothMaps : kMap0);

    Place shortcut{.add = true,
                   .old_channels = static_cast<uint32_t>(block_.projection ? block_.channels() : block_.in_channels()),
                   .old_stride2 = block_.stride == 2 && !block_.projection};
    uint32_t hidden = 0;
    if (shortened && block_.projection) {
      convolve(*block_.projection, &block_.projection_norm, {.source = 0, .destination = kMap1});
    } else if (shortened) {
      hidden = behind_x;
    } else if (full && block_.projection) {
      convolve(*block_.projection, &block_.projection_norm,
               {.source = 0, .destination = kMap0, .destination_base = behind_x});
      shortcut.old_base = behind_x;
    }

    Place first = shortened ? shortcut : Place{};
    first.destination = kMap1;
    first.destination_base = hidden;
    first.relu = true;
    if (block_.depthwise1) {
      // The depthwise result is in map 1; the pointwise one goes on behind x, and the next depthwise one to map 1
      // again.
      if (shortened) throw Error("block {}: a short skip of separable convolutions is not supported", block_.name);
      convolve(*block_.depthwise1, nullptr, {.source = 0, .destination = kMap1});
      const uint32_t behind = std::max(in_, behind_x + (block_.projection ? out_ : 0));
      convolve(block_.conv1, &block_.norm1,
               {.source = 1, .destination = kMap0, .destination_base = behind, .relu = true});
      convolve(*block_.depthwise2, nullptr, {.source = 0, .source_base = behind, .destination = kMap1});
    } else {
      convolve(block_.conv1, &block_.norm1, first);
    }

    Place second = full ? shortcut : Place{};
    second.source = 1;
    second.source_base = hidden;
    second.destination = kMap0;
    second.destination_base = full ? (block_.projection ? shortcut.old_base : behind_x) : 0;
    second.relu = true;
    convolve(block_.conv2, &block_.norm2, second);
    store(0, second.destination_base);
  }

  uint32_t position() const { return static_cast<uint32_t>(program_.instructions.size()); }

  void use(uint32_t maps, uint32_t words) {
    for (uint32_t map = 0; map < 2; ++map)
      if ((maps >> map & 1) != 0) {
        int& size = program_.parameters.map_words[map];
        size = std::max(size, static_cast<int>(words));
      }
  }

  void load(uint32_t maps) {
    program_.instructions.push_back({.opcode = Opcode::kLoad, .destination = maps, .count = in_});
    use(maps, in_);
  }

  void loop(uint32_t body, int runs) {
    program_.instructions.push_back(
        {.opcode = Opcode::kLoop, .count = static_cast<uint32_t>(runs), .target = body, .table = table_size_});
  }

  // destination <- map 1's values from `old` on + K * factor, with K in map 0 from `source` on.
  void combine(uint32_t source, int32_t factor, uint32_t old, uint32_t destination, uint32_t destination_base) {
    program_.instructions.push_back({.opcode = Opcode::kCombine,
                                     .source = 0,
                                     .destination = destination,
                                     .add = 1,
                                     .count = in_,
                                     .plane = 1,
                                     .old_channels = in_,
                                     .source_base = source,
                                     .destination_base = destination_base,
                                     .old_base = old,
                                     .table = table_size_});
    layers_.push_back({.factor = factor});
    ++table_size_;
    use(destination, destination_base + in_);
  }

  void store(uint32_t map, uint32_t base) {
    program_.instructions.push_back({.opcode = Opcode::kStore, .source = map, .count = out_, .source_base = base});
    program_.instructions.push_back({.opcode = Opcode::kEnd});
  }

  // Where a convolution's values come from and go to.
  struct Place {
    uint32_t source = 0, source_base = 0;
    uint32_t destination = 0, destination_base = 0;
    bool relu = false, add = false;
    uint32_t old_base = 0, old_channels = 0;  // 0: all
    bool old_stride2 = false;
  };

  // A convolution and its norm; if that is an online one, with the sums before it in map 1 from `sums` on, whence the
  // norm goes to its place.
  void layer(const fixed::Conv& conv, const fixed::Norm& norm, const Place& place, uint32_t sums) {
    if (!online_) return convolve(conv, &norm, place);
    convolve(conv, &norm,
             {.source = place.source, .source_base = place.source_base, .destination = kMap1, .destination_base = sums},
             /*online=*/true);
    const Instruction& convolution = program_.instructions.back();
    const auto channels = static_cast<uint32_t>(conv.channels);
    const uint32_t plane = convolution.plane, count = channels * plane;
    Instruction instruction{.opcode = Opcode::kCombine,
                            .source = 1,
                            .destination = place.destination,
                            .relu = place.relu,
                            .add = place.add,
                            .online = 1,
                            .count = count,
                            .row_words = plane,
                            .plane = 1,
                            .source_base = sums,
                            .destination_base = place.destination_base,
                            .old_base = place.old_base,
                            .table = convolution.table};
    if (place.add) instruction.old_channels = (place.old_channels ? place.old_channels : channels) * plane;
    program_.instructions.push_back(instruction);
    use(place.destination, place.destination_base + count);
    int& most = program_.parameters.online_channels;
    most = std::max(most, conv.channels);
  }

  // What an instruction finds in the tables: those of a convolution's norm in one stage, or a factor.
  struct Layer {
    const fixed::Conv* conv = nullptr;
    const fixed::Norm* norm = nullptr;
    size_t stage = 0;
    int32_t factor = 0;
  };

  void convolve(const fixed::Conv& conv, const fixed::Norm* norm, const Place& place, bool online = false) {
    const Parameters& parameters = program_.parameters;
    // The depthwise convolution of a stride-2 block has its stride, so that every one after it is of the output's size.
    const auto rows = static_cast<uint32_t>(program_.output.height),
               row_words = static_cast<uint32_t>(program_.output.width / parameters.lanes.px);
    Instruction instruction{.opcode = Opcode::kConvolve,
                            .source = place.source,
                            .destination = place.destination,
                            .relu = place.relu,
                            .add = place.add,
                            .stride2 = conv.stride == 2,
                            .old_stride2 = place.old_stride2,
                            .pointwise = conv.kernel == 1 && conv.stride == 1,
                            .depthwise = conv.depthwise,
                            .online = online,
                            .in_channels = conv.depthwise ? 1u : static_cast<uint32_t>(conv.in_channels),
                            .count = static_cast<uint32_t>(conv.channels / (conv.depthwise ? 1 : parameters.lanes.oc)),
                            .rows = rows,
                            .row_words = row_words,
                            .plane = rows * row_words,
                            .source_base = place.source_base,
                            .destination_base = place.destination_base,
                            .old_base = place.old_base,
                            .weight = weights_of(conv),
                            .table = table_size_};
    if (place.add)
      instruction.old_channels = place.old_channels ? place.old_channels : static_cast<uint32_t>(conv.channels);
    program_.instructions.push_back(instruction);
    layers_.push_back({.conv = &conv, .norm = norm, .stage = stage_});
    table_size_ += static_cast<uint32_t>(conv.channels);
    use(place.destination, place.destination_base + static_cast<uint32_t>(conv.channels) * rows * row_words);
  }

  // Their address: once for all stages of a method.
  uint32_t weights_of(const fixed::Conv& conv) {
    const auto [place, is_new] = weights_.try_emplace(&conv, static_cast<uint32_t>(program_.weights[0].size()));
    if (is_new) append_weights(conv);
    return place->second;
  }

  // Appends [group][input channel][kernel row][kernel column] of each lane's output channels, columns in the order of
  // hw/rtl/window.v. A 1x1 convolution with stride 2 is a 3x3 one whose other taps are zero.
  void append_weights(const fixed::Conv& conv) {
    const bool pointwise = conv.kernel == 1 && conv.stride == 1;
    const int lanes = conv.depthwise ? 1 : program_.parameters.lanes.oc;
    const int inputs = conv.depthwise ? 1 : conv.in_channels;
    const std::array<int, 3> columns = conv.stride == 2 ? std::array{0, 2, 1} : std::array{0, 1, 2};
    for (int channel = 0; channel < conv.channels; ++channel) {
      auto& lane = program_.weights[idx(channel % lanes)];
      for (int input = 0; input < inputs; ++input) {
        const size_t first = idx((channel * inputs + input) * conv.kernel * conv.kernel);
        if (pointwise) {
          lane.push_back(conv.weight[first]);
          continue;
        }
        for (int row = 0; row < 3; ++row)
          for (const int column : columns)
            lane.push_back(conv.kernel == 3            ? conv.weight[first + idx(3 * row + column)]
                           : (row == 1 && column == 1) ? conv.weight[first]
                                                       : 0);
      }
    }
    for (auto& lane : program_.weights) lane.resize(program_.weights[0].size());  // depthwise: lane 0 works alone
  }

  // [step][instruction][channel] of every convolution; of a combination one entry.
  void append_tables() {
    const int64_t one = int64_t{1} << program_.parameters.scale_fraction;
    const auto append = [&](int32_t scale, int32_t shift) {
      program_.scale.push_back(scale);
      program_.shift.push_back(shift);
    };
    const size_t stages = idx(program_.stages);
    for (size_t step = 0; step < idx(block_.executions) / stages; ++step)
      for (const auto& [conv, norm, stage, factor] : layers_) {
        if (!conv) {
          append(factor, 0);
          program_.time_bias.resize(program_.time_bias.size() + kBorderClasses);
          continue;
        }
        for (int channel = 0; channel < conv->channels; ++channel) {
          const size_t at = (step * stages + stage) * idx(conv->channels) + idx(channel);
          append(norm ? norm->scale[at] : static_cast<int32_t>(one), norm ? norm->shift[at] : 0);
          const int classes = conv->border_classes();
          for (int border = 0; border < kBorderClasses; ++border)
            program_.time_bias.push_back(
                conv->time_bias.empty() ? 0 : conv->time_bias[at * idx(classes) + idx(classes == 1 ? 0 : border)]);
        }
      }
  }

  Program finish() {
    append_tables();
    Parameters& parameters = program_.parameters;
    parameters.program_words = static_cast<int>(program_.instructions.size());
    parameters.weight_words = static_cast<int>(program_.weights[0].size());
    parameters.table_words = static_cast<int>(program_.scale.size());
    // A memory of one convolution without taps outside the image is still as large as the engine asks for.
    parameters.weight_words = std::max(parameters.weight_words, kTaps);
    for (auto& lane : program_.weights) lane.resize(idx(parameters.weight_words));
    for (const Instruction& instruction : program_.instructions) encode(instruction);  // throws if a field overflows
    return std::move(program_);
  }

  const fixed::Block& block_;
  bool online_ = false;    // the norms
  fixed::Conv subsample_;  // of an online block's shortcut
  Program program_;
  uint32_t in_ = 0, out_ = 0;  // words of the input and the output
  uint32_t table_size_ = 0;    // of one step
  size_t stage_ = 0;           // of a Runge-Kutta method
  std::vector<Layer> layers_;  // in the order of their tables
  std::map<const fixed::Conv*, uint32_t> weights_;
};

}  // namespace

std::span<const int> valid_macs() { return kMacs; }

Lanes choose_lanes(const fixed::Block& block, int macs) {
  if (std::find(std::begin(kMacs), std::end(kMacs), macs) == std::end(kMacs))
    throw Error("{} multiply-accumulate lanes: an engine has {}", macs, fmt::join(kMacs, ", "));
  int px = std::min(macs, kMaxPixelLanes);
  while (block.out_width() % px != 0) px /= 2;
  return {.oc = macs / px, .px = px};
}

Program compile(const fixed::Block& block, const fixed::Formats& formats, Lanes lanes) {
  require_supported(block, formats);
  require_lanes(block, lanes);
  require_consistent(block, formats);
  fixed::require_accumulators_fit(block, formats);
  Program program = Compiler(block, formats, lanes).run();
  require_memories_fit(program, kXc7z020);
  return program;
}

Program compile(const fixed::Block& block, const fixed::Formats& formats, int macs) {
  return compile(block, formats, choose_lanes(block, macs));
}

}  // namespace odenet::engine
