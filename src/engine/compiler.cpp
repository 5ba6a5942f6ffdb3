#include "engine/compiler.h"

#include <algorithm>
#include <deque>

#include "core/error.h"
#include "engine/assembler.h"
#include "engine/requirements.h"
#include "fixed/accumulator_proof.h"

namespace odenet::engine {
namespace {

constexpr int kMacs[] = {1, 2, 4, 8, 16, 32, 64, 128, 256};

MapShape input_of(const fixed::Block& block) { return {block.in_channels(), block.height, block.width}; }

MapShape output_of(const fixed::Block& block) { return {block.channels(), block.out_height(), block.out_width()}; }

// Whether the block wants its input in map 1 too: one map is read by a convolution, the other by a sum.
bool needs_both_maps(const fixed::Block& block) {
  const bool shortened = !block.ode && block.skip == Skip::kShort && !block.projection;
  return std::holds_alternative<fixed::RungeKutta>(block.method) || (shortened && block.norm != NormKind::kInstance);
}

// The instructions of one block, whose input is in map 0 from address `x` on, and in map 1 too where it needs both
// maps.
class BlockCompiler {
 public:
  // `subsamples` keeps convolutions that belong to no network.
  BlockCompiler(Assembler& assembler, const fixed::Block& block, uint32_t x, std::deque<fixed::Conv>& subsamples)
      : assembler_(assembler),
        block_(block),
        subsamples_(subsamples),
        online_(block.norm == NormKind::kInstance),
        same_shape_(input_of(block) == output_of(block)),
        x_(x),
        in_(assembler.words(input_of(block))),
        out_(assembler.words(output_of(block))) {}

  // Returns where in map 0 the output is.
  uint32_t run() {
    if (const auto* method = std::get_if<fixed::RungeKutta>(&block_.method)) return runge_kutta(*method);
    if (block_.ode) return ode();
    return online_ ? online_network_block() : network_block();
  }

 private:
  // A place of so many words that spares the input: before it, if it fits there, else behind.
  uint32_t beside_x(uint32_t words) const { return x_ >= words ? 0 : x_ + in_; }

  void convolve(const fixed::Conv& conv, const fixed::Norm* norm, const Place& place) {
    assembler_.convolve(conv, norm, place);
  }

  // A convolution and its norm; if that is an online one, with the sums before it in map 1 from `sums` on.
  void layer(const fixed::Conv& conv, const fixed::Norm& norm, const Place& place, uint32_t sums) {
    if (online_)
      assembler_.convolve_online(conv, norm, place, sums);
    else
      convolve(conv, &norm, place);
  }

  uint32_t ode() {
    const uint32_t body = assembler_.position();
    const Place sum{.source = 1, .destination = kMap0, .destination_base = x_, .add = true, .old_base = x_};
    if (block_.depthwise1) {
      const uint32_t hidden = beside_x(in_);
      convolve(*block_.depthwise1, nullptr, {.source = 0, .source_base = x_, .destination = kMap1});
      layer(block_.conv1, block_.norm1, {.source = 1, .destination = kMap0, .destination_base = hidden, .relu = true},
            in_);
      convolve(*block_.depthwise2, nullptr, {.source = 0, .source_base = hidden, .destination = kMap1});
    } else {
      layer(block_.conv1, block_.norm1, {.source = 0, .source_base = x_, .destination = kMap1, .relu = true}, 0);
    }
    layer(block_.conv2, block_.norm2, sum, in_);
    assembler_.loop(body, block_.executions);
    return x_;
  }

  // Map 0: u in the place of the input, and K_0, K_1, ...; map 1: z, the hidden map, a sum that is not finished.
  uint32_t runge_kutta(const fixed::RungeKutta& method) {
    const auto stages = static_cast<size_t>(method.stages);
    const uint32_t hidden = x_ + in_, unfinished = x_ + 2 * in_;
    const uint32_t results = beside_x(in_ * static_cast<uint32_t>(stages));
    const auto result = [&](size_t stage) { return results + in_ * static_cast<uint32_t>(stage); };
    // Adds the terms of one row to z; the finished sum goes to the place of the input in `destination`.
    const auto add_terms = [&](std::span<const int32_t> row, uint32_t destination) {
      const auto is_term = [](int32_t value) { return value != 0; };
      const auto terms = std::count_if(row.begin(), row.end(), is_term);
      if (terms == 0) throw Error("block {}: a row of its Runge-Kutta method is zero", block_.name);
      int64_t term = 0;
      for (size_t j = 0; j < row.size(); ++j)
        if (is_term(row[j])) {
          const bool first = term == 0, last = ++term == terms;
          assembler_.combine(result(j), in_, row[j], first ? x_ : unfinished, last ? destination : kMap1,
                             last ? x_ : unfinished);
        }
    };

    const uint32_t body = assembler_.position();
    for (size_t stage = 0; stage < stages; ++stage) {
      if (stage > 0) add_terms(std::span(method.a).subspan(stage * stages, stage), kMap0);
      assembler_.set_stage(static_cast<int>(stage));
      layer(block_.conv1, block_.norm1,
            {.source = 0, .source_base = x_, .destination = kMap1, .destination_base = hidden, .relu = true}, hidden);
      layer(block_.conv2, block_.norm2,
            {.source = 1, .source_base = hidden, .destination = kMap0, .destination_base = result(stage)}, unfinished);
    }
    add_terms(method.b, kBothMaps);
    assembler_.loop(body, block_.executions / method.stages);
    return x_;
  }

  // x, or what the shortcut makes of it, is in map 0; the hidden map and the sums before a norm are in map 1.
  uint32_t online_network_block() {
    const bool full = block_.skip == Skip::kFull, shortened = block_.skip == Skip::kShort;
    const uint32_t plane = out_ / static_cast<uint32_t>(block_.channels());
    const uint32_t subsampled = plane * static_cast<uint32_t>(block_.in_channels());
    const uint32_t beside = beside_x(std::max(out_, subsampled));
    Place shortcut{.source = 1, .destination = kMap1, .add = true, .old_base = x_};
    if (block_.projection && (full || shortened)) {
      layer(*block_.projection, block_.projection_norm,
            {.source = 0, .source_base = x_, .destination = kMap0, .destination_base = beside}, 0);
      shortcut.old_base = beside;
    } else if (full || shortened) {
      if (block_.stride == 2) {
        subsample(beside);
        shortcut.old_base = beside;
      }
      shortcut.old_channels = static_cast<uint32_t>(block_.in_channels());
    }

    uint32_t hidden = 0;
    Place first = shortened ? shortcut : Place{.destination = kMap1};
    first.source = 0;
    first.source_base = x_;
    if (block_.depthwise1) {
      convolve(*block_.depthwise1, nullptr, {.source = 0, .source_base = x_, .destination = kMap1});
      first.source = 1;
      first.source_base = 0;
      hidden = std::max(out_, subsampled);
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
    return second.destination_base;
  }

  // Every second row and pixel of x, in map 0 from `destination` on: a depthwise convolution whose kernels are one in
  // the middle.
  void subsample(uint32_t destination) {
    constexpr int kTaps = 9;
    const fixed::Format weight = assembler_.parameters().weight;
    const int64_t one = int64_t{1} << weight.fraction;
    if (!weight.contains(one))
      throw Error("block {}: a weight of 1, which its shortcut needs, does not fit {}", block_.name,
                  fixed::describe(weight));
    const int channels = block_.in_channels();
    fixed::Conv& conv = subsamples_.emplace_back(
        fixed::Conv{.in_channels = channels, .channels = channels, .stride = 2, .depthwise = true});
    conv.weight.resize(static_cast<size_t>(channels * kTaps));
    for (int channel = 0; channel < channels; ++channel)
      conv.weight[static_cast<size_t>(channel * kTaps + kTaps / 2)] = static_cast<int32_t>(one);
    convolve(conv, nullptr, {.source = 0, .source_base = x_, .destination = kMap0, .destination_base = destination});
  }

  uint32_t network_block() {
    const bool full = block_.skip == Skip::kFull, shortened = block_.skip == Skip::kShort;
    // An old value may be overwritten by the sum with it: of the same shape, it is read before.
    const uint32_t beside = beside_x(block_.projection ? 2 * out_ : out_);
    const uint32_t result = same_shape_ && !block_.projection ? x_ : beside;

    Place shortcut{.add = true,
                   .old_base = x_,
                   .old_channels = static_cast<uint32_t>(block_.projection ? block_.channels() : block_.in_channels()),
                   .old_stride2 = block_.stride == 2 && !block_.projection};
    uint32_t hidden = 0;
    if (shortened && block_.projection) {
      convolve(*block_.projection, &block_.projection_norm, {.source = 0, .source_base = x_, .destination = kMap1});
      shortcut.old_base = 0;
    } else if (shortened) {
      hidden = result;
    } else if (full && block_.projection) {
      convolve(*block_.projection, &block_.projection_norm,
               {.source = 0, .source_base = x_, .destination = kMap0, .destination_base = result});
      shortcut.old_base = result;
    }

    Place first = shortened ? shortcut : Place{};
    first.source_base = x_;
    first.destination = kMap1;
    first.destination_base = hidden;
    first.relu = true;
    if (block_.depthwise1) {
      // The depthwise result is in map 1; the pointwise one goes beside x, and the next depthwise one to map 1 again.
      if (shortened) throw Error("block {}: a short skip of separable convolutions is not supported", block_.name);
      convolve(*block_.depthwise1, nullptr, {.source = 0, .source_base = x_, .destination = kMap1});
      const uint32_t pointwise = beside + (block_.projection ? out_ : 0);
      convolve(block_.conv1, &block_.norm1,
               {.source = 1, .destination = kMap0, .destination_base = pointwise, .relu = true});
      convolve(*block_.depthwise2, nullptr, {.source = 0, .source_base = pointwise, .destination = kMap1});
    } else {
      convolve(block_.conv1, &block_.norm1, first);
    }

    Place second = full ? shortcut : Place{};
    second.source = 1;
    second.source_base = hidden;
    second.destination = kMap0;
    second.destination_base = full ? result : 0;
    second.relu = true;
    convolve(block_.conv2, &block_.norm2, second);
    return second.destination_base;
  }

  Assembler& assembler_;
  const fixed::Block& block_;
  std::deque<fixed::Conv>& subsamples_;
  const bool online_;  // the norms
  const bool same_shape_;
  const uint32_t x_, in_, out_;  // address of the input; words of the input and of the output
};

int stages_of(const fixed::Block& block) {
  const auto* method = std::get_if<fixed::RungeKutta>(&block.method);
  return method ? method->stages : 1;
}

void begin_body(Assembler& assembler, const fixed::Block& block) {
  const int stages = stages_of(block);
  assembler.begin_body(block.out_height(), block.out_width(), block.executions / stages, stages);
}

Parameters parameters_of(const fixed::Formats& formats, Lanes lanes, int mac_dsps) {
  return {.lanes = lanes,
          .activation = formats.activation,
          .weight = formats.weight,
          .sum_fraction = formats.sum_of(formats.activation, formats.weight).fraction,
          .scale_fraction = formats.scale.fraction,
          .mac_dsps = mac_dsps};
}

void require_valid_macs(int macs) {
  if (std::find(std::begin(kMacs), std::end(kMacs), macs) == std::end(kMacs))
    throw Error("{} multiply-accumulate lanes: an engine has {}", macs, fmt::join(kMacs, ", "));
}

}  // namespace

std::span<const int> valid_macs() { return kMacs; }

Lanes choose_lanes(const fixed::Block& block, int macs) {
  require_valid_macs(macs);
  int px = std::min(macs, kMaxPixelLanes);
  while (block.out_width() % px != 0) px /= 2;
  return {.oc = macs / px, .px = px};
}

Lanes choose_lanes(const fixed::Network& network, int macs) {
  require_valid_macs(macs);
  int px = std::min(macs, kMaxPixelLanes);
  for (const fixed::Block& block : network.blocks) px = std::min(px, choose_lanes(block, macs).px);
  return {.oc = macs / px, .px = px};
}

Program compile(const fixed::Block& block, const fixed::Formats& formats, Lanes lanes, const Device& device) {
  require_supported(block, formats);
  require_lanes(block, lanes);
  require_consistent(block, formats);
  fixed::require_accumulators_fit(block, formats);

  std::deque<fixed::Conv> subsamples;
  Assembler assembler(block.name, parameters_of(formats, lanes, lane_dsps(block, formats)));
  begin_body(assembler, block);
  assembler.load(needs_both_maps(block) ? kBothMaps : kMap0, 0, assembler.words(input_of(block)));
  const uint32_t result = BlockCompiler(assembler, block, 0, subsamples).run();
  assembler.store(0, result, assembler.words(output_of(block)));
  assembler.end_body();
  Program program = assembler.finish();
  program.executions = block.executions;
  program.stages = stages_of(block);
  program.input = input_of(block);
  program.output = output_of(block);
  require_fits(program, device);
  return program;
}

Program compile(const fixed::Block& block, const fixed::Formats& formats, int macs, const Device& device) {
  return compile(block, formats, choose_lanes(block, macs), device);
}

// The image is in map 1, and from conv1 on each layer's output in map 0; the averages are in map 1, the logits in map
// 0.
Program compile(const fixed::Network& network, Lanes lanes, const Device& device) {
  require_supported(network);
  require_lanes(network, lanes);
  require_consistent(network);
  fixed::require_accumulators_fit(network);

  const NetworkSpec& spec = network.spec;
  const MapShape input{spec.in_channels, spec.height, spec.width};
  std::deque<fixed::Conv> subsamples;
  std::vector<Section> sections;
  Assembler assembler(spec.model, parameters_of(network.formats(), lanes, lane_dsps(network)));
  const auto begin_section = [&](const std::string& name) { sections.push_back({name, assembler.position()}); };

  assembler.load(kMap1, 0, assembler.words(input));
  begin_section("conv1");
  assembler.begin_body(spec.height, spec.width);
  assembler.convolve(network.stem, &network.stem_norm, {.source = 1, .destination = kMap0, .relu = true});
  assembler.end_body();

  MapShape shape{network.stem.channels, spec.height, spec.width};
  uint32_t x = 0;
  for (const fixed::Block& block : network.blocks) {
    begin_section(block.name);
    begin_body(assembler, block);
    if (needs_both_maps(block)) assembler.copy(x, assembler.words(shape));
    x = BlockCompiler(assembler, block, x, subsamples).run();
    assembler.end_body();
    shape = output_of(block);
  }

  begin_section("fc");
  assembler.begin_body(1, 1);
  assembler.pool(x, shape);
  assembler.fully_connect(spec.features(), spec.classes, network.fc_weight, network.fc_bias);
  assembler.end_body();
  assembler.store(0, 0, static_cast<uint32_t>(spec.classes), /*single=*/true);

  Program program = assembler.finish();
  program.network = true;
  program.sections = std::move(sections);
  program.input = input;
  program.output = {spec.classes, 1, 1};
  require_fits(program, device);
  return program;
}

Program compile(const fixed::Network& network, int macs, const Device& device) {
  return compile(network, choose_lanes(network, macs), device);
}

}  // namespace odenet::engine
