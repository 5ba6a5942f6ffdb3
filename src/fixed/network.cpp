#include "fixed/network.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "core/error.h"
#include "core/json_number.h"
#include "fixed/online_norm.h"

namespace odenet::fixed {

namespace {

nlohmann::json to_json(Format format) { return {{"width", format.width}, {"fraction", format.fraction}}; }

Format parse_format(const nlohmann::json& json, const std::string& name) {
  const auto number = [&](const char* key, int low, int high) {
    return static_cast<int>(json_integer(json.at(key), fmt::format("{} format: {}", name, key), low, high));
  };
  return {number("width", 2, 32), number("fraction", 0, Format::kMaxFraction)};
}

nlohmann::json to_json(const Formats& formats) {
  nlohmann::json json{{"activation", to_json(formats.activation)},
                      {"weight", to_json(formats.weight)},
                      {"scale", to_json(formats.scale)}};
  if (formats.sum) json["sum"] = to_json(*formats.sum);
  for (const auto& [name, format] : formats.activations) json["activations"][name] = to_json(format);
  for (const auto& [name, format] : formats.weights) json["weights"][name] = to_json(format);
  return json;
}

Formats parse_formats(const nlohmann::json& json) {
  Formats formats;
  formats.activation = parse_format(json.at("activation"), "activation");
  formats.weight = parse_format(json.at("weight"), "weight");
  formats.scale = parse_format(json.at("scale"), "scale");
  if (json.contains("sum")) formats.sum = parse_format(json["sum"], "sum");
  if (json.contains("activations"))
    for (const auto& [name, format] : json["activations"].items())
      formats.activations[name] = parse_format(format, "activation " + name);
  if (json.contains("weights"))
    for (const auto& [name, format] : json["weights"].items())
      formats.weights[name] = parse_format(format, "weight " + name);
  return formats;
}

Format find_format(const std::map<std::string, Format, std::less<>>& exceptions, std::string_view name, Format other) {
  for (;;) {
    const auto found = exceptions.find(name);
    if (found != exceptions.end()) return found->second;
    const size_t dot = name.rfind('.');
    if (dot == std::string_view::npos) return other;
    name = name.substr(0, dot);
  }
}

// Names, norms and formats of the convolutions of a const or mutable block.
template <typename ConvT, typename NormT, typename BlockT>
std::vector<BasicConvLayer<ConvT, NormT>> layers_of(BlockT& block, const Formats& formats,
                                                    std::optional<Format> input_format) {
  std::vector<BasicConvLayer<ConvT, NormT>> result;
  const Format output = formats.activation_of(block.name), hidden = formats.activation_of(block.name + ".hidden");
  const Format input = block.ode ? output : input_format.value_or(formats.activation);
  const bool online = block.norm == NormKind::kInstance;
  const auto formats_of = [&](const std::string& name, Format from, Format to) {
    const Format weight = formats.weight_of(name);
    return LayerFormats{from, weight, formats.sum_of(from, weight), formats.scale, to};
  };
  const auto add = [&](const char* conv_name, const char* norm_name, auto& depthwise, ConvT& conv, NormT& norm,
                       Format from, Format to) {
    const std::string name = block.name + conv_name;
    if (depthwise) {
      const std::string filter = name + ".depthwise";
      const Format filtered = formats.activation_of(filter);
      result.push_back({filter, *depthwise, {}, nullptr, 1, false, false, formats_of(filter, from, filtered)});
      result.back().formats.sum = filtered;
      from = filtered;
    }
    result.push_back(
        {name, conv, block.name + norm_name, &norm, block.executions, block.ode, online, formats_of(name, from, to)});
  };
  add(".conv1", ".norm1", block.depthwise1, block.conv1, block.norm1, input, hidden);
  add(".conv2", ".norm2", block.depthwise2, block.conv2, block.norm2, hidden, output);
  if (block.projection) {
    const std::string name = block.name + ".shortcut";
    result.push_back({name, *block.projection, name + ".norm", &block.projection_norm, 1, false, online,
                      formats_of(name, input, block.skip == Skip::kShort ? hidden : output)});
  }
  return result;
}

template <typename ConvT, typename NormT, typename Net>
std::vector<BasicConvLayer<ConvT, NormT>> layers_of_network(Net& net) {
  const Format input = net.activation_of("input"), weight = net.weight_of("conv1");
  std::vector<BasicConvLayer<ConvT, NormT>> result;
  result.push_back({"conv1",
                    net.stem,
                    "conv1.norm",
                    &net.stem_norm,
                    1,
                    false,
                    false,
                    {input, weight, net.sum_of(input, weight), net.scale, net.activation_of("conv1")}});
  Format before = result.back().formats.output;
  for (auto& block : net.blocks) {
    for (auto& layer : layers_of<ConvT, NormT>(block, net, before)) result.push_back(std::move(layer));
    before = net.activation_of(block.name);
  }
  return result;
}

// Of the features that the fully connected layer sees.
Format last_format(const Network& net) {
  return net.activation_of(net.blocks.empty() ? "conv1" : net.blocks.back().name);
}

// One walk for const and mutable networks: visit(name, shape, format, values).
template <typename ConvT, typename NormT, typename Net, typename Visit>
void walk(Net& net, const Visit& visit) {
  const NetworkSpec& spec = net.spec;
  visit("input_table", Shape{spec.in_channels, 256}, net.activation_of("input"), net.input_table);
  for (const auto& layer : layers_of_network<ConvT, NormT>(net)) {
    auto& conv = layer.conv;
    visit(layer.name + ".weight", conv.weight_shape(), layer.formats.weight, conv.weight);
    if (layer.timed)
      visit(layer.name + ".time_bias", Shape{layer.executions, conv.channels, conv.border_classes()}, layer.formats.sum,
            conv.time_bias);
    if (!layer.norm) continue;
    visit(layer.norm_name + ".scale", Shape{layer.executions, conv.channels}, layer.formats.scale, layer.norm->scale);
    visit(layer.norm_name + ".shift", Shape{layer.executions, conv.channels}, layer.formats.sum, layer.norm->shift);
  }
  visit("fc.weight", Shape{spec.classes, spec.features()}, net.weight_of("fc"), net.fc_weight);
  visit("fc.bias", Shape{spec.classes}, net.logits(last_format(net)), net.fc_bias);
}

template <typename Visit>
void walk(Network& net, const Visit& visit) {
  walk<Conv, Norm>(net, visit);
}
template <typename Visit>
void walk(const Network& net, const Visit& visit) {
  walk<const Conv, const Norm>(net, visit);
}

// Those of every layer, and that every name in them means something.
void check_formats(const Network& net) {
  std::set<std::string> points{"input", "conv1", "fc"}, layers{"conv1", "fc"};
  for (const Block& block : net.blocks) points.insert({block.name, block.name + ".hidden"});
  for (const ConvLayer& layer : conv_layers(net)) {
    layers.insert(layer.name);
    if (!layer.norm) points.insert(layer.name);
    check_formats(layer);
  }
  const Format input = last_format(net), weight = net.weight_of("fc"), logits = net.logits(input);
  if (input.fraction + weight.fraction < logits.fraction)
    throw Error("fc: inputs {} times weights {} have less fraction than the logits, {}", describe(input),
                describe(weight), describe(logits));
  const auto refuse_unknown = [&](const char* what, const auto& exceptions, const std::set<std::string>& names) {
    for (const auto& [name, format] : exceptions) {
      const auto covers = [&](const std::string& n) { return n == name || n.starts_with(name + "."); };
      if (std::none_of(names.begin(), names.end(), covers))
        throw Error("the formats name {} {}, which {} does not have; it has {}", what, name, net.spec.model,
                    fmt::join(names, ", "));
    }
  };
  refuse_unknown("activation", net.activations, points);
  refuse_unknown("weight", net.weights, layers);
}

bool same_geometry(const Conv& a, const Conv& b) {
  return a.in_channels == b.in_channels && a.channels == b.channels && a.stride == b.stride && a.kernel == b.kernel &&
         a.depthwise == b.depthwise;
}

bool same_geometry(const std::optional<Conv>& a, const std::optional<Conv>& b) {
  return a.has_value() == b.has_value() && (!a || same_geometry(*a, *b));
}

bool same_geometry(const Block& a, const Block& b) {
  return a.name == b.name && a.ode == b.ode && a.skip == b.skip && a.executions == b.executions &&
         a.method == b.method && a.height == b.height && a.width == b.width && a.stride == b.stride &&
         a.norm == b.norm && same_geometry(a.conv1, b.conv1) && same_geometry(a.conv2, b.conv2) &&
         same_geometry(a.depthwise1, b.depthwise1) && same_geometry(a.depthwise2, b.depthwise2) &&
         same_geometry(a.projection, b.projection);
}

Block make_block(const Stage& stage, int index, int height, int width, Format scale) {
  if (stage.adaptive())
    throw Error(
        "stage {} has steps that follow their error; integer networks have a fixed number: quantize with --solver "
        "{} --steps M",
        stage.name, stage.solver);
  Block block;
  block.name = block_name(stage, index);
  block.ode = stage.ode;
  block.skip = stage.skip(index);
  block.executions = stage.executions;
  if (stage.ode) block.method = method_of(ode::find_solver(stage.solver), scale);
  block.height = height;
  block.width = width;
  block.stride = stage.stride;
  block.norm = stage.norm;
  const int64_t pixels = int64_t{block.out_height()} * block.out_width();
  if (block.norm == NormKind::kInstance && pixels > kMaxOnlinePixels)
    throw Error("block {}: maps of {} pixels, the integers of an instance norm are made for at most {}", block.name,
                pixels, kMaxOnlinePixels);
  const auto depthwise = [](int channels, int stride) {
    return Conv{.in_channels = channels, .channels = channels, .stride = stride, .depthwise = true};
  };
  const bool separable = stage.body == Body::kSeparable;
  const int kernel = separable ? 1 : 3;
  if (separable) {
    block.depthwise1 = depthwise(stage.in_channels, stage.stride);
    block.depthwise2 = depthwise(stage.channels, 1);
  }
  block.conv1 = {.in_channels = stage.in_channels,
                 .channels = stage.channels,
                 .stride = separable ? 1 : stage.stride,
                 .kernel = kernel};
  block.conv2 = {.in_channels = stage.channels, .channels = stage.channels, .kernel = kernel};
  if (stage.projects(index))
    block.projection = {
        .in_channels = stage.in_channels, .channels = stage.channels, .stride = stage.stride, .kernel = 1};
  return block;
}

}  // namespace

Network make_skeleton(const NetworkSpec& spec, const Formats& formats) {
  Network net;
  static_cast<Formats&>(net) = formats;
  net.spec = spec;
  net.stem = {.in_channels = spec.in_channels, .channels = spec.stem_channels, .stride = 1};
  int height = spec.height, width = spec.width;
  for (const Stage& stage : spec.stages)
    for (int i = 0; i < stage.blocks; ++i) {
      if (stage.ode && (height < 2 || width < 2))
        throw Error("ODEBlock {}: maps of {} x {} pixels, expected at least 2 x 2", stage.name, height, width);
      Block block = make_block(stage, i, height, width, formats.scale);
      height = block.out_height();
      width = block.out_width();
      net.blocks.push_back(std::move(block));
    }
  return net;
}

Format Formats::activation_of(std::string_view point) const { return find_format(activations, point, activation); }

Format Formats::weight_of(std::string_view layer) const { return find_format(weights, layer, weight); }

Format Formats::sum_of(Format input, Format weight_format) const {
  Format result = sum.value_or(activation);
  result.fraction = std::min(result.fraction, input.fraction + weight_format.fraction);
  return result;
}

Format Formats::logits(Format input) const {
  const auto named = activations.find("fc");
  return named != activations.end() ? named->second : sum_of(input, weight_of("fc"));
}

std::string format_name(std::string_view point) {
  std::string name(point);
  const size_t open = name.find('['), close = name.find(']');
  if (open != std::string::npos && close != std::string::npos) name.erase(open, close - open + 1);
  for (const std::string_view suffix : {".start", ".branch", ".term", ".partial"})
    if (name.ends_with(suffix)) name.erase(name.size() - suffix.size());
  return name;
}

Format format_at(const Network& network, std::string_view point) {
  if (point == "fc") return network.logits(last_format(network));
  if (point == "pool") return last_format(network);
  return network.activation_of(format_name(point));
}

std::vector<ConvLayer> conv_layers(const Block& block, const Formats& formats, std::optional<Format> input) {
  return layers_of<const Conv, const Norm>(block, formats, input);
}

std::vector<ConvLayer> conv_layers(const Network& network) {
  return layers_of_network<const Conv, const Norm>(network);
}

void check_formats(const ConvLayer& layer) {
  const LayerFormats& f = layer.formats;
  if (f.scale.fraction > kMaxScaleFraction)
    throw Error("scale format {}: a fraction of at most {} bits is possible", describe(f.scale), kMaxScaleFraction);
  if (f.input.fraction + f.weight.fraction < f.sum.fraction)
    throw Error("{}: inputs {} times weights {} have less fraction than their sums, {}", layer.name, describe(f.input),
                describe(f.weight), describe(f.sum));
  if (layer.norm && f.sum.fraction + f.scale.fraction < f.output.fraction)
    throw Error("{}: sums {} times scales {} have less fraction than the outputs, {}", layer.norm_name, describe(f.sum),
                describe(f.scale), describe(f.output));
}

Network make_network(const NetworkSpec& spec, const Formats& formats) {
  Network net = make_skeleton(spec, formats);
  walk(net, [](const std::string&, const Shape& shape, Format, std::vector<int32_t>& values) {
    values.resize(static_cast<size_t>(element_count(shape)));
  });
  return net;
}

void for_each_tensor(Network& network, const std::function<void(const TensorView&)>& visit) {
  walk(network, [&](const std::string& name, const Shape& shape, Format format, std::vector<int32_t>& values) {
    visit({name, shape, format, values});
  });
}

void check(const Network& network) {
  const size_t classes = static_cast<size_t>(network.spec.classes);
  if (network.class_names.size() != classes)
    throw Error("{} class names for {} classes", network.class_names.size(), classes);
  const Network expected = make_skeleton(network.spec, network.formats());
  if (!std::equal(network.blocks.begin(), network.blocks.end(), expected.blocks.begin(), expected.blocks.end(),
                  [](const Block& a, const Block& b) { return same_geometry(a, b); }) ||
      !same_geometry(network.stem, expected.stem))
    throw Error("the blocks of the network are not those of its spec, {}", network.spec.model);
  check_formats(network);
  walk(network, [](const std::string& name, const Shape& shape, Format format, const std::vector<int32_t>& values) {
    if (static_cast<int64_t>(values.size()) != element_count(shape))
      throw Error("tensor {}: {} values, expected the shape {}", name, values.size(), to_string(shape));
    for (size_t i = 0; i < values.size(); ++i)
      if (!format.contains(values[i]))
        throw Error("tensor {}: value {} at index {} is out of range for {} ({} to {})", name, values[i], i,
                    describe(format), format.min(), format.max());
  });
}

// In the metadata, if they are known.
constexpr const char* kAccuracy = "accuracy";
constexpr const char* kMadeFrom = "made_from";

SafeTensors Network::to_tensors() const {
  check(*this);
  SafeTensors file;
  file.metadata["format"] = kNetworkFormat;
  file.metadata["spec"] = dump_spec(spec);
  file.metadata["dataset"] = dataset;
  file.metadata["class_names"] = nlohmann::json(class_names).dump();
  file.metadata["formats"] = to_json(formats()).dump();
  if (!made_from.empty()) file.metadata[kMadeFrom] = made_from;
  if (accuracy)
    file.metadata[kAccuracy] = nlohmann::json{
        {"dataset", accuracy->dataset},
        {"split", accuracy->split},
        {"images", accuracy->images},
        {"top1", accuracy->top1},
        {"float_top1",
         accuracy->float_top1}}.dump();
  walk(*this, [&](const std::string& name, const Shape& shape, Format, const std::vector<int32_t>& values) {
    file.add<int32_t>(name, shape, values);
  });
  return file;
}

void Network::save(const std::filesystem::path& path) const { to_tensors().save(path); }

Network Network::from_tensors(const SafeTensors& file) {
  const std::string& kind = file.meta("format");
  if (kind == kCheckpointFormat)
    throw Error("{}: a float checkpoint, expected an integer network; `odenet quantize` makes one from it",
                file.source);
  if (kind != kNetworkFormat)
    throw Error("{}: its format is '{}', expected '{}', as written by `odenet quantize`", file.source, kind,
                kNetworkFormat);
  try {
    const Formats formats = parse_formats(nlohmann::json::parse(file.meta("formats")));
    Network net = make_skeleton(parse_spec(file.meta("spec"), file.source), formats);
    net.dataset = file.meta("dataset");
    net.class_names = nlohmann::json::parse(file.meta("class_names")).get<std::vector<std::string>>();
    if (const auto found = file.metadata.find(kAccuracy); found != file.metadata.end()) {
      const auto json = nlohmann::json::parse(found->second);
      net.accuracy = {json.at("dataset"), json.at("split"),
                      json_integer(json.at("images"), "accuracy: images", 1, INT64_MAX), json.at("top1"),
                      json.at("float_top1")};
    }
    if (file.metadata.contains(kMadeFrom)) net.made_from = file.meta(kMadeFrom);
    std::set<std::string> expected;
    walk(net, [&](const std::string& name, const Shape& shape, Format, std::vector<int32_t>& values) {
      values = file.get<int32_t>(name, shape);
      expected.insert(name);
    });
    for (const auto& [name, tensor] : file.tensors)
      if (!expected.contains(name)) throw Error("tensor {} does not belong to {}", name, net.spec.model);
    check(net);
    return net;
  } catch (const nlohmann::json::exception& e) {
    throw Error("{}: damaged metadata: {}", file.source, e.what());
  } catch (const Error& e) {
    const std::string message = e.what();
    if (message.starts_with(file.source)) throw;
    throw Error("{}: {}", file.source, message);
  }
}

Network Network::load(const std::filesystem::path& path) { return from_tensors(SafeTensors::load(path)); }

}  // namespace odenet::fixed
