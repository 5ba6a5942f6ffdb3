#include "fixed/network.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "core/error.h"

namespace odenet::fixed {

namespace {

nlohmann::json to_json(Format format) { return {{"width", format.width}, {"fraction", format.fraction}}; }

Format parse_format(const nlohmann::json& json, const char* name) {
  const Format format{json.at(name).at("width").get<int>(), json.at(name).at("fraction").get<int>()};
  if (format.width < 2 || format.width > 32 || format.fraction < 0 || format.fraction >= format.width)
    throw Error("{} format has width {} and fraction {}, expected a width of 2 to 32 and a fraction below it", name,
                format.width, format.fraction);
  return format;
}

// One walk for const and mutable networks: visit(name, shape, format, values).
template <typename Net, typename Visit>
void walk(Net& net, const Visit& visit) {
  const NetworkSpec& spec = net.spec;
  const auto visit_conv = [&](const std::string& name, auto& conv, int time_planes) {
    visit(name + ".weight", conv.weight_shape(), net.weight, conv.weight);
    if (time_planes > 0)
      visit(name + ".time_bias", Shape{time_planes, conv.channels, conv.border_classes()}, net.activation,
            conv.time_bias);
  };
  const auto visit_norm = [&](const std::string& name, auto& norm, int executions, int channels) {
    visit(name + ".scale", Shape{executions, channels}, net.scale, norm.scale);
    visit(name + ".shift", Shape{executions, channels}, net.activation, norm.shift);
  };
  visit("input_table", Shape{spec.in_channels, 256}, net.activation, net.input_table);
  visit_conv("conv1", net.stem, 0);
  visit_norm("conv1.norm", net.stem_norm, 1, spec.stem_channels);
  for (auto& block : net.blocks) {
    const int time_planes = block.ode ? block.executions : 0;
    if (block.depthwise1) visit_conv(block.name + ".conv1.depthwise", *block.depthwise1, 0);
    visit_conv(block.name + ".conv1", block.conv1, time_planes);
    visit_norm(block.name + ".norm1", block.norm1, block.executions, block.conv1.channels);
    if (block.depthwise2) visit_conv(block.name + ".conv2.depthwise", *block.depthwise2, 0);
    visit_conv(block.name + ".conv2", block.conv2, time_planes);
    visit_norm(block.name + ".norm2", block.norm2, block.executions, block.conv2.channels);
    if (!block.projection) continue;
    visit_conv(block.name + ".shortcut", *block.projection, 0);
    visit_norm(block.name + ".shortcut.norm", block.projection_norm, 1, block.projection->channels);
  }
  visit("fc.weight", Shape{spec.classes, spec.features()}, net.weight, net.fc_weight);
  visit("fc.bias", Shape{spec.classes}, net.activation, net.fc_bias);
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
         a.height == b.height && a.width == b.width && a.stride == b.stride && same_geometry(a.conv1, b.conv1) &&
         same_geometry(a.conv2, b.conv2) && same_geometry(a.depthwise1, b.depthwise1) &&
         same_geometry(a.depthwise2, b.depthwise2) && same_geometry(a.projection, b.projection);
}

Block make_block(const Stage& stage, int index, int height, int width) {
  if (stage.norm != NormKind::kBatch)
    throw Error("block {}: integer networks have batch norms only; train with norm = batch", block_name(stage, index));
  Block block;
  block.name = block_name(stage, index);
  block.ode = stage.ode;
  block.skip = stage.skip(index);
  block.executions = stage.executions;
  block.height = height;
  block.width = width;
  block.stride = stage.stride;
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
      Block block = make_block(stage, i, height, width);
      height = block.out_height();
      width = block.out_width();
      net.blocks.push_back(std::move(block));
    }
  return net;
}

std::vector<ConvLayer> conv_layers(const Block& block) {
  std::vector<ConvLayer> result;
  if (block.depthwise1) result.push_back({block.name + ".conv1.depthwise", *block.depthwise1, {}, nullptr});
  result.push_back({block.name + ".conv1", block.conv1, block.name + ".norm1", &block.norm1});
  if (block.depthwise2) result.push_back({block.name + ".conv2.depthwise", *block.depthwise2, {}, nullptr});
  result.push_back({block.name + ".conv2", block.conv2, block.name + ".norm2", &block.norm2});
  if (block.projection)
    result.push_back(
        {block.name + ".shortcut", *block.projection, block.name + ".shortcut.norm", &block.projection_norm});
  return result;
}

std::vector<ConvLayer> conv_layers(const Network& network) {
  std::vector<ConvLayer> result{{"conv1", network.stem, "conv1.norm", &network.stem_norm}};
  for (const Block& block : network.blocks)
    for (ConvLayer& layer : conv_layers(block)) result.push_back(std::move(layer));
  return result;
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
  walk(network, [](const std::string& name, const Shape& shape, Format format, const std::vector<int32_t>& values) {
    if (static_cast<int64_t>(values.size()) != element_count(shape))
      throw Error("tensor {}: {} values, expected the shape {}", name, values.size(), to_string(shape));
    for (size_t i = 0; i < values.size(); ++i)
      if (!format.contains(values[i]))
        throw Error("tensor {}: value {} at index {} is out of range for {} ({} to {})", name, values[i], i,
                    describe(format), format.min(), format.max());
  });
}

SafeTensors Network::to_tensors() const {
  check(*this);
  SafeTensors file;
  file.metadata["format"] = kNetworkFormat;
  file.metadata["spec"] = dump_spec(spec);
  file.metadata["dataset"] = dataset;
  file.metadata["class_names"] = nlohmann::json(class_names).dump();
  file.metadata["formats"] = nlohmann::json{
      {"activation", to_json(activation)},
      {"weight", to_json(weight)},
      {"scale", to_json(scale)}}.dump();
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
    Formats formats;
    const auto json = nlohmann::json::parse(file.meta("formats"));
    formats.activation = parse_format(json, "activation");
    formats.weight = parse_format(json, "weight");
    formats.scale = parse_format(json, "scale");
    Network net = make_skeleton(parse_spec(file.meta("spec"), file.source), formats);
    net.dataset = file.meta("dataset");
    net.class_names = nlohmann::json::parse(file.meta("class_names")).get<std::vector<std::string>>();
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
