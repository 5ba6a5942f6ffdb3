#include "fixed/quantizer.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "core/error.h"
#include "fixed/accumulator_proof.h"
#include "fixed/trained_formats.h"

namespace odenet::fixed {

namespace {

// Reads tensors of the checkpoint and remembers which, so that unexpected ones can be refused.
class Reader {
 public:
  explicit Reader(const SafeTensors& checkpoint) : checkpoint_(checkpoint) {}

  std::vector<float> get(const std::string& name, const Shape& shape) {
    seen_.insert(name);
    return checkpoint_.get<float>(name, shape);
  }

  void refuse_unread(const std::string& model) const {
    for (const auto& [name, tensor] : checkpoint_.tensors)
      if (!seen_.contains(name))
        throw Error("{}: tensor '{}' does not belong to {}; is it a checkpoint of another model?", checkpoint_.source,
                    name, model);
  }

  const std::string& source() const { return checkpoint_.source; }

 private:
  const SafeTensors& checkpoint_;
  std::set<std::string> seen_;
};

class Quantizer {
 public:
  Quantizer(const SafeTensors& checkpoint, const NetworkSpec& spec, const QuantizeOptions& options)
      : reader_(checkpoint), net_(make_skeleton(spec, options.formats)), channel_scaling_(options.channel_scaling) {}

  Network run(const std::vector<double>& mean, const std::vector<double>& deviation) {
    const NetworkSpec& spec = net_.spec;
    const Format input = net_.activation_of("input");
    net_.input_table.resize(static_cast<size_t>(spec.in_channels) * 256);
    for (size_t i = 0; i < net_.input_table.size(); ++i) {
      const double pixel = static_cast<double>(i % 256) / 255.0;
      net_.input_table[i] = convert((pixel - mean[i / 256]) / deviation[i / 256], input, "input_table", i);
    }
    for (const ConvLayer& layer : conv_layers(net_)) {
      formats_[layer.name] = layer.formats;
      if (layer.online) online_.insert(layer.name);
    }
    read_conv("conv1", "conv1.bn", {}, 1.0, net_.stem, net_.stem_norm);
    auto block = net_.blocks.begin();
    for (const Stage& stage : spec.stages)
      for (int i = 0; i < stage.blocks; ++i, ++block) read_block(*block, timing_of(spec, stage));
    const Shape fc{spec.classes, spec.features()};
    convert_all(reader_.get("fc.weight", fc), net_.weight_of("fc"), "fc.weight", net_.fc_weight);
    convert_all(reader_.get("fc.bias", {spec.classes}), format_at(net_, "fc"), "fc.bias", net_.fc_bias);
    reader_.refuse_unread(spec.model);
    return std::move(net_);
  }

 private:
  int32_t convert(double value, Format format, const std::string& name, size_t index) const {
    const auto result = to_fixed(value, format);
    if (!result)
      throw Error("{}: {} is {} at index {}, out of range for {} ({} to {})", reader_.source(), name, value, index,
                  describe(format), format.to_real(format.min()), format.to_real(format.max()));
    return *result;
  }

  void convert_all(const std::vector<float>& values, Format format, const std::string& name,
                   std::vector<int32_t>& result) const {
    result.resize(values.size());
    for (size_t i = 0; i < values.size(); ++i) result[i] = convert(values[i], format, name, i);
  }

  // A convolution without a norm of its own.
  void read_depthwise(const std::string& name, Conv& conv) {
    convert_all(reader_.get(name, conv.weight_shape()), formats_.at(name).weight, name, conv.weight);
  }

  // Of an ODEBlock: the times of its evaluations.
  struct Timing {
    std::vector<double> times{};  // else empty
    double step_size = 1;
  };
  static Timing timing_of(const NetworkSpec& spec, const Stage& stage) {
    if (!stage.ode) return {};
    return {ode::evaluation_times(ode::find_solver(stage.solver), steps(stage), spec.end_time), spec.step_size(stage)};
  }

  // A convolution and its norm, of which an ODEBlock has one for each evaluation.
  void read_conv(const std::string& name, const std::string& norm_name, const std::vector<double>& times, double factor,
                 Conv& conv, Norm& norm) {
    const LayerFormats& formats = formats_.at(name);
    std::vector<float> weight = reader_.get(name + ".weight", conv.weight_shape());
    const std::vector<int> shifts = channel_shifts(weight, conv, formats);
    const size_t each = weight.size() / shifts.size();
    for (size_t i = 0; i < weight.size(); ++i) weight[i] = std::ldexp(weight[i], shifts[i / each]);
    convert_all(weight, formats.weight, name + ".weight", conv.weight);
    if (!times.empty()) read_time_bias(name, times, shifts, formats.sum, conv);
    const Shape statistics = times.empty() ? Shape{conv.channels} : Shape{std::ssize(times), conv.channels};
    if (online_.contains(name))
      read_online_norm(norm_name, statistics, factor, formats, norm);
    else
      read_norm(norm_name, statistics, factor, shifts, formats, norm);
  }

  // log2 of what the weights of each output channel are multiplied by.
  std::vector<int> channel_shifts(std::span<const float> weight, const Conv& conv, const LayerFormats& formats) const {
    std::vector<int> shifts(static_cast<size_t>(conv.channels), 0);
    const size_t each = weight.size() / shifts.size();
    const auto bound = static_cast<double>(accumulator_bound(formats.input));
    for (size_t channel = 0; channel_scaling_ && channel < shifts.size(); ++channel) {
      const auto weights = weight.subspan(channel * each, each);
      double largest = 0;
      for (const float w : weights) largest = std::max(largest, std::abs(double{w}));
      int& shift = shifts[channel] = channel_shift(largest, formats.weight);
      while (shift > 0 && std::ldexp(weight_sum_bound(weights, formats.weight), shift) > bound) --shift;
    }
    return shifts;
  }

  // t_i times the sum of the taps inside the image; class as in Conv::time_bias.
  void read_time_bias(const std::string& name, const std::vector<double>& times, const std::vector<int>& shifts,
                      Format format, Conv& conv) {
    const std::string tensor = name + ".time_weight";
    const std::vector<float> taps = reader_.get(tensor, {conv.channels, 1, conv.kernel, conv.kernel});
    const auto inside = [&](int border, int tap) {
      return conv.kernel == 1 || (!(border == 0 && tap == 0) && !(border == 2 && tap == 2));
    };
    const size_t classes = static_cast<size_t>(conv.border_classes()), channels = static_cast<size_t>(conv.channels);
    const size_t kernel = static_cast<size_t>(conv.kernel);
    conv.time_bias.resize(times.size() * channels * classes);
    for (size_t i = 0; i < conv.time_bias.size(); ++i) {
      const size_t channel = i / classes % channels;
      const int row = static_cast<int>(i % classes) / 3, column = static_cast<int>(i % classes) % 3;
      const double time = times[i / (classes * channels)];
      double sum = 0;
      for (size_t tap = 0; tap < kernel * kernel; ++tap)
        if (inside(row, static_cast<int>(tap / kernel)) && inside(column, static_cast<int>(tap % kernel)))
          sum += taps[channel * kernel * kernel + tap];
      conv.time_bias[i] =
          convert(std::ldexp(time * sum, shifts[channel]), format, fmt::format("time bias of {}", name), i);
    }
  }

  // `statistics`: shape of mean and variance, [C] or [executions, C].
  // scale = factor * weight / sqrt(var + epsilon), shift = factor * bias - mean * scale; the scale of a channel whose
  // weights were multiplied by 2^shifts[channel] is divided by that.
  void read_norm(const std::string& name, const Shape& statistics, double factor, const std::vector<int>& shifts,
                 const LayerFormats& formats, Norm& norm) {
    const int64_t channels = statistics.back();
    const std::vector<float> weight = reader_.get(name + ".weight", {channels});
    const std::vector<float> bias = reader_.get(name + ".bias", {channels});
    const std::vector<float> mean = reader_.get(name + ".running_mean", statistics);
    const std::vector<float> variance = reader_.get(name + ".running_var", statistics);
    norm.scale.resize(mean.size());
    norm.shift.resize(mean.size());
    for (size_t i = 0; i < norm.scale.size(); ++i) {
      const size_t channel = i % static_cast<size_t>(channels);
      if (!(variance[i] >= 0))
        throw Error("{}: {}.running_var is {} at index {}, expected 0 or more", reader_.source(), name, variance[i], i);
      const double scale = factor * weight[channel] / std::sqrt(double{variance[i]} + kNormEpsilon);
      norm.scale[i] = convert(std::ldexp(scale, -shifts[channel]), formats.scale, fmt::format("scale of {}", name), i);
      norm.shift[i] =
          convert(factor * bias[channel] - mean[i] * scale, formats.sum, fmt::format("shift of {}", name), i);
    }
  }

  // gamma and beta, the same in all executions.
  void read_online_norm(const std::string& name, const Shape& executions, double factor, const LayerFormats& formats,
                        Norm& norm) {
    const int64_t channels = executions.back();
    const std::vector<float> weight = reader_.get(name + ".weight", {channels});
    const std::vector<float> bias = reader_.get(name + ".bias", {channels});
    norm.scale.resize(static_cast<size_t>(element_count(executions)));
    norm.shift.resize(norm.scale.size());
    for (size_t i = 0; i < norm.scale.size(); ++i) {
      const size_t channel = i % static_cast<size_t>(channels);
      norm.scale[i] = convert(factor * weight[channel], formats.scale, fmt::format("{}.weight", name), channel);
      norm.shift[i] = convert(factor * bias[channel], formats.sum, fmt::format("{}.bias", name), channel);
    }
  }

  void read_block(Block& block, const Timing& timing) {
    if (block.depthwise1) read_depthwise(block.name + ".conv1.depthwise", *block.depthwise1);
    read_conv(block.name + ".conv1", block.name + ".bn1", timing.times, 1.0, block.conv1, block.norm1);
    if (block.depthwise2) read_depthwise(block.name + ".conv2.depthwise", *block.depthwise2);
    read_conv(block.name + ".conv2", block.name + ".bn2", timing.times, timing.step_size, block.conv2, block.norm2);
    if (block.projection)
      read_conv(block.name + ".shortcut", block.name + ".shortcut.bn", {}, 1.0, *block.projection,
                block.projection_norm);
  }

  Reader reader_;
  Network net_;
  bool channel_scaling_;
  std::map<std::string, LayerFormats> formats_;
  std::set<std::string> online_;  // layers with such a norm
};

}  // namespace

int channel_shift(double largest, Format format) {
  int shift = 0;
  while (shift < kMaxChannelShift && std::ldexp(largest, shift + 1) <= format.to_real(format.max())) ++shift;
  return shift;
}

Network quantize(const SafeTensors& checkpoint, const QuantizeOptions& options) {
  const std::string& kind = checkpoint.meta("format");
  if (kind != kCheckpointFormat)
    throw Error("{}: its format is '{}', expected '{}', as written by `odenet train`{}", checkpoint.source, kind,
                kCheckpointFormat, kind == kNetworkFormat ? "; this network is already quantized" : "");
  const NetworkSpec spec = parse_spec(checkpoint.meta("spec"), checkpoint.source);
  std::vector<double> mean, deviation;
  std::vector<std::string> class_names;
  try {
    const auto normalization = nlohmann::json::parse(checkpoint.meta("normalization"));
    mean = normalization.at("mean").get<std::vector<double>>();
    deviation = normalization.at("std").get<std::vector<double>>();
    class_names = nlohmann::json::parse(checkpoint.meta("class_names")).get<std::vector<std::string>>();
  } catch (const nlohmann::json::exception& e) {
    throw Error("{}: damaged metadata: {}", checkpoint.source, e.what());
  }
  const size_t channels = static_cast<size_t>(spec.in_channels);
  if (mean.size() != channels || deviation.size() != channels)
    throw Error("{}: normalization has {} means and {} deviations, expected {}", checkpoint.source, mean.size(),
                deviation.size(), channels);
  Network net = Quantizer(checkpoint, spec, options).run(mean, deviation);
  net.dataset = checkpoint.meta("dataset");
  net.class_names = std::move(class_names);
  try {
    check(net);
    require_accumulators_fit(net);
  } catch (const Error& e) {
    throw Error("{}: {}", checkpoint.source, e.what());
  }
  return net;
}

}  // namespace odenet::fixed
