// Random networks with the statistics of trained ones, for tests that need no training, and a plain double-precision
// forward pass over a checkpoint's tensors to compare with.
//
//   SafeTensors checkpoint = synthetic_checkpoint(make_spec("odenet-20", 10), /*seed=*/1);
//   std::vector<double> logits = reference_logits(checkpoint, spec, image);
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <nlohmann/json.hpp>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "core/safetensors.h"
#include "ode/solver.h"
#include "spec/network_spec.h"

namespace odenet::testing {

// Two residual stages and an ODEBlock of 8 channels on 4 x 4 maps; images of 8 x 8.
inline NetworkSpec small_spec(int classes = 5, int executions = 3) {
  NetworkSpec spec;
  spec.model = "small";
  spec.classes = classes;
  spec.height = spec.width = 8;
  spec.stem_channels = 4;
  spec.stages = {{.name = "layer1", .in_channels = 4, .channels = 4, .stride = 1, .blocks = 2},
                 {.name = "layer2_1", .in_channels = 4, .channels = 8, .stride = 2},
                 {.name = "layer2_2", .in_channels = 8, .channels = 8, .executions = executions, .ode = true}};
  return spec;
}

inline std::vector<uint8_t> random_images(const NetworkSpec& spec, int count, uint32_t seed) {
  std::mt19937 random(seed);
  std::vector<uint8_t> images(static_cast<size_t>(count * spec.in_channels * spec.height * spec.width));
  for (uint8_t& pixel : images) pixel = static_cast<uint8_t>(random() >> 24);
  return images;
}

inline SafeTensors synthetic_checkpoint(const NetworkSpec& spec, uint32_t seed) {
  std::mt19937 random(seed);
  SafeTensors file;
  file.source = "synthetic.safetensors";
  file.metadata["format"] = "odenet-checkpoint";
  file.metadata["spec"] = dump_spec(spec);
  file.metadata["dataset"] = "sample";
  std::vector<std::string> names;
  for (int i = 0; i < spec.classes; ++i) names.push_back("class" + std::to_string(i));
  file.metadata["class_names"] = nlohmann::json(names).dump();
  file.metadata["normalization"] =
      nlohmann::json{{"mean", std::vector<double>(static_cast<size_t>(spec.in_channels), 0.4734)},
                     {"std", std::vector<double>(static_cast<size_t>(spec.in_channels), 0.2516)}}
          .dump();
  const auto add = [&](const std::string& name, const Shape& shape, double low, double high) {
    std::uniform_real_distribution<float> value(static_cast<float>(low), static_cast<float>(high));
    std::vector<float> values(static_cast<size_t>(element_count(shape)));
    for (float& v : values) v = value(random);
    file.add<float>(name, shape, values);
  };
  const auto add_weights = [&](const std::string& name, const Shape& shape) {
    const double limit = std::sqrt(6.0 / static_cast<double>(element_count(shape) / shape[0]));  // He initialisation
    add(name, shape, -limit, limit);
  };
  const auto add_conv = [&](const std::string& name, int in_channels, int channels, bool ode, Body body) {
    const int kernel = body == Body::kSeparable ? 1 : 3;
    if (body == Body::kSeparable) add_weights(name + ".depthwise", {in_channels, 1, 3, 3});
    add_weights(name + ".weight", {channels, in_channels, kernel, kernel});
    if (ode) add(name + ".time_weight", {channels, 1, kernel, kernel}, -0.3, 0.3);
  };
  const auto add_norm = [&](const std::string& name, const Shape& statistics, double gain,
                            NormKind kind = NormKind::kBatch) {
    add(name + ".weight", {statistics.back()}, 0.5 * gain, 1.5 * gain);
    add(name + ".bias", {statistics.back()}, -0.2, 0.2);
    if (kind == NormKind::kInstance) return;
    add(name + ".running_mean", statistics, -0.2, 0.2);
    add(name + ".running_var", statistics, 0.5, 1.5);
  };
  add_conv("conv1", spec.in_channels, spec.stem_channels, false, Body::kPlain);
  add_norm("conv1.bn", {spec.stem_channels}, 1);
  for (const Stage& stage : spec.stages)
    for (int i = 0; i < stage.blocks; ++i) {
      const std::string block = block_name(stage, i);
      const Shape statistics = stage.ode ? Shape{stage.executions, stage.channels} : Shape{stage.channels};
      add_conv(block + ".conv1", stage.in_channels, stage.channels, stage.ode, stage.body);
      add_norm(block + ".bn1", statistics, 1, stage.norm);
      add_conv(block + ".conv2", stage.channels, stage.channels, stage.ode, stage.body);
      add_norm(block + ".bn2", statistics, 0.5, stage.norm);
      if (!stage.projects(i)) continue;
      add_weights(block + ".shortcut.weight", {stage.channels, stage.in_channels, 1, 1});
      add_norm(block + ".shortcut.bn", {stage.channels}, 0.5, stage.norm);
    }
  add("fc.weight", {spec.classes, spec.features()}, -0.3, 0.3);
  add("fc.bias", {spec.classes}, -0.1, 0.1);
  return file;
}

// Receives the observation points of eval/backend.h.
using ReferenceTap = std::function<void(const std::string& point, const std::vector<double>& values)>;

// The definition of the float network, in double and loop by loop: the time plane is a real plane of constants,
// padded with zeros like the others. image: [C, H, W] bytes.
class Reference {
 public:
  Reference(const SafeTensors& file, const NetworkSpec& spec) : file_(file), spec_(spec) {}

  std::vector<double> logits(std::span<const uint8_t> image, const ReferenceTap& tap = {}) const {
    const auto emit = [&](const std::string& point, const std::vector<double>& values) {
      if (tap) tap(point, values);
    };
    const auto normalization = nlohmann::json::parse(file_.meta("normalization"));
    Map x{spec_.in_channels, spec_.height, spec_.width, {}};
    const size_t plane = image.size() / static_cast<size_t>(spec_.in_channels);
    for (size_t i = 0; i < image.size(); ++i)
      x.values.push_back((image[i] / 255.0 - normalization["mean"][i / plane].get<double>()) /
                         normalization["std"][i / plane].get<double>());
    x = relu(norm(conv(x, "conv1", 1, false, 0), "conv1.bn", 0));
    emit("conv1", x.values);
    for (const Stage& stage : spec_.stages)
      for (int index = 0; index < stage.blocks; ++index) {
        const std::string block = block_name(stage, index);
        if (stage.ode) {
          x = integrate(std::move(x), block, stage, emit);
          continue;
        }
        const Skip skip = stage.skip(index);
        Map hidden = norm(conv(x, block + ".conv1", stage.stride, false, 0), block + ".bn1", 0);
        if (skip == Skip::kShort) hidden = add(hidden, shortcut(x, block, stage));
        hidden = relu(hidden);
        const Map f = norm(conv(hidden, block + ".conv2", 1, false, 0), block + ".bn2", 0);
        x = relu(skip == Skip::kFull ? add(f, shortcut(x, block, stage)) : f);
        emit(block + ".hidden", hidden.values);
        emit(block, x.values);
      }
    std::vector<double> pooled;
    for (int c = 0; c < x.channels; ++c) {
      double sum = 0;
      for (int i = 0; i < x.height * x.width; ++i) sum += x.values[static_cast<size_t>(c * x.height * x.width + i)];
      pooled.push_back(sum / (x.height * x.width));
    }
    emit("pool", pooled);
    const auto weight = tensor("fc.weight"), bias = tensor("fc.bias");
    std::vector<double> result;
    for (size_t label = 0; label < bias.size(); ++label) {
      double sum = bias[label];
      for (size_t k = 0; k < pooled.size(); ++k) sum += pooled[k] * weight[label * pooled.size() + k];
      result.push_back(sum);
    }
    emit("fc", result);
    return result;
  }

 private:
  struct Map {
    int channels, height, width;
    std::vector<double> values;
    double at(int c, int y, int x) const {
      if (y < 0 || x < 0 || y >= height || x >= width) return 0;
      return values[static_cast<size_t>((c * height + y) * width + x)];
    }
  };

  // Of an ODEBlock; the state is emitted after each of Euler's steps, else at the end only.
  template <typename Emit>
  Map integrate(Map z, const std::string& block, const Stage& stage, const Emit& emit) const {
    const ode::Solver& solver = ode::find_solver(stage.solver);
    const double h = spec_.step_size(stage);
    const auto point = [&](int i) { return block + "[" + std::to_string(i) + "]"; };
    int evaluation = 0;
    const auto slope = [&](const Map& u, double time) {
      const int i = evaluation++;
      const Map hidden = relu(norm(conv(u, block + ".conv1", 1, true, time), block + ".bn1", i));
      emit(point(i) + ".hidden", hidden.values);
      return norm(conv(hidden, block + ".conv2", 1, true, time), block + ".bn2", i);
    };
    Map v = solver.leapfrog() ? slope(z, 0) : Map();
    for (int step = 0; step < steps(stage); ++step) {
      if (solver.leapfrog()) {
        z = add(std::move(z), v, h / 2);
        const Map w = slope(z, (step + 0.5) * h);
        for (size_t k = 0; k < v.values.size(); ++k) v.values[k] = 2 * w.values[k] - v.values[k];
        z = add(std::move(z), v, h / 2);
        continue;
      }
      const ode::Tableau& method = *solver.tableau;
      std::vector<Map> slopes;
      for (int i = 0; i < method.fixed_stages(); ++i) {
        Map u = z;
        for (int j = 0; j < i; ++j) u = add(std::move(u), slopes[static_cast<size_t>(j)], h * method.at(i, j));
        slopes.push_back(slope(u, (step + method.node(i)) * h));
      }
      for (int i = 0; i < method.fixed_stages(); ++i)
        z = add(std::move(z), slopes[static_cast<size_t>(i)], h * method.weight(i));
      if (stage.solver == Stage().solver && step + 1 < steps(stage)) emit(point(step), z.values);
    }
    emit(point(stage.executions - 1), z.values);
    return z;
  }

  std::vector<float> tensor(const std::string& name) const {
    return file_.get<float>(name, file_.tensors.at(name).shape);
  }

  bool has(const std::string& name) const { return file_.tensors.contains(name); }

  // A weight [C, Cin, k, k] is one convolution over all channels, [C, 1, 3, 3] after it one of each channel alone.
  Map sum_taps(const Map& input, const std::string& weights, bool depthwise, int stride,
               const std::string& time_weights, double time) const {
    const auto weight = tensor(weights);
    std::vector<float> time_weight;
    if (!time_weights.empty()) time_weight = tensor(time_weights);
    const Shape& shape = file_.tensors.at(weights).shape;
    const int channels = static_cast<int>(shape[0]), kernel = static_cast<int>(shape[2]), taps = kernel * kernel;
    const int inputs = depthwise ? 1 : input.channels;
    Map out{channels, conv_size(input.height, stride), conv_size(input.width, stride), {}};
    for (int o = 0; o < channels; ++o)
      for (int y = 0; y < out.height; ++y)
        for (int x = 0; x < out.width; ++x) {
          double sum = 0;
          for (int tap = 0; tap < taps; ++tap) {
            const int row = y * stride + tap / kernel - kernel / 2, column = x * stride + tap % kernel - kernel / 2;
            if (row < 0 || column < 0 || row >= input.height || column >= input.width) continue;
            for (int c = 0; c < inputs; ++c)
              sum +=
                  input.at(depthwise ? o : c, row, column) * weight[static_cast<size_t>((o * inputs + c) * taps + tap)];
            if (!time_weight.empty()) sum += time * time_weight[static_cast<size_t>(o * taps + tap)];
          }
          out.values.push_back(sum);
        }
    return out;
  }

  Map conv(const Map& input, const std::string& name, int stride, bool ode, double time) const {
    const std::string time_weights = ode ? name + ".time_weight" : "";
    if (!has(name + ".depthwise")) return sum_taps(input, name + ".weight", false, stride, time_weights, time);
    const Map filtered = sum_taps(input, name + ".depthwise", true, stride, "", 0);
    return sum_taps(filtered, name + ".weight", false, 1, time_weights, time);
  }

  Map shortcut(const Map& x, const std::string& block, const Stage& stage) const {
    if (has(block + ".shortcut.weight"))
      return norm(sum_taps(x, block + ".shortcut.weight", false, stage.stride, "", 0), block + ".shortcut.bn", 0);
    Map out{stage.channels, conv_size(x.height, stage.stride), conv_size(x.width, stage.stride), {}};
    for (int c = 0; c < out.channels; ++c)
      for (int row = 0; row < out.height; ++row)
        for (int column = 0; column < out.width; ++column)
          out.values.push_back(c < x.channels ? x.at(c, row * stage.stride, column * stage.stride) : 0);
    return out;
  }

  // By running statistics or, where there are none, by those of the map itself.
  Map norm(Map map, const std::string& name, int execution) const {
    const auto weight = tensor(name + ".weight"), bias = tensor(name + ".bias");
    const size_t plane = static_cast<size_t>(map.height * map.width);
    const bool running = has(name + ".running_mean");
    for (size_t c = 0; c < weight.size(); ++c) {
      const size_t s = static_cast<size_t>(execution) * weight.size() + c;
      const auto values = std::span(map.values).subspan(c * plane, plane);
      double mean = 0, variance = 0;
      if (running) {
        mean = tensor(name + ".running_mean")[s];
        variance = tensor(name + ".running_var")[s];
      } else {
        for (const double value : values) mean += value / static_cast<double>(plane);
        for (const double value : values) variance += (value - mean) * (value - mean) / static_cast<double>(plane);
      }
      for (double& value : values) value = (value - mean) / std::sqrt(variance + 1e-5) * weight[c] + bias[c];
    }
    return map;
  }

  static Map relu(Map map) {
    for (double& value : map.values) value = std::max(value, 0.0);
    return map;
  }

  static Map add(Map map, const Map& added, double factor = 1) {
    for (size_t i = 0; i < map.values.size(); ++i) map.values[i] += factor * added.values[i];
    return map;
  }

  const SafeTensors& file_;
  const NetworkSpec& spec_;
};

}  // namespace odenet::testing
