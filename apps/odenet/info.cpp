// odenet info: what a network consists of.
#include <fmt/format.h>

#include <map>
#include <nlohmann/json.hpp>

#include "commands.h"
#include "spec/zoo.h"

namespace odenet {

namespace {

constexpr int kBytes = 4;  // of a float32 parameter

void print_table(const NetworkSpec& spec) {
  const char* row = "{:<10} {:>14} {:>20} {:>12} {:>12} {:>14}\n";
  fmt::print("{}, {} classes\n\n", spec.model, spec.classes);
  fmt::print(fmt::runtime(row), "layer", "output", "blocks / executions", "parameters", "bytes", "MACs");
  for (const LayerInfo& layer : layers(spec))
    fmt::print(fmt::runtime(row), layer.name, fmt::format("{} x {} x {}", layer.channels, layer.height, layer.width),
               fmt::format("{} / {}{}", layer.blocks, layer.executions, layer.ode ? " ODE" : "    "), layer.parameters,
               kBytes * layer.parameters, layer.macs);
  const int64_t parameters = parameter_count(spec);
  fmt::print(fmt::runtime(row), "total", "", "", parameters, kBytes * parameters, mac_count(spec));
}

double percent_more(int64_t count, int64_t other) {
  return 100 * (static_cast<double>(count) / static_cast<double>(other) - 1);
}

// Parameters apart from those of conv1 and fc, which a device's processor may keep: pre- and post-processing.
int64_t inner_parameters(const NetworkSpec& spec) {
  const auto table = layers(spec);
  return parameter_count(spec) - table.front().parameters - table.back().parameters;
}

// The parameters of both, layer by layer.
void print_comparison(const NetworkSpec& spec, const NetworkSpec& other) {
  const auto row = [](std::string_view name, const std::string& first, const std::string& second,
                      const std::string& change) {
    fmt::print("{:<20} {:>18} {:>18} {:>9}\n", name, first, second, change);
  };
  const auto count_row = [&](std::string_view name, int64_t first, int64_t second) {
    row(name, first == 0 ? "" : fmt::format("{}", first), second == 0 ? "" : fmt::format("{}", second),
        first == 0 || second == 0 ? "" : fmt::format("{:+.1f} %", percent_more(first, second)));
  };
  row("parameters", spec.model, other.model, "");
  std::vector<std::string> names;
  std::map<std::string, std::pair<int64_t, int64_t>> counts;
  for (const NetworkSpec* network : {&spec, &other})
    for (const LayerInfo& layer : layers(*network)) {
      if (!counts.contains(layer.name)) names.push_back(layer.name);
      (network == &spec ? counts[layer.name].first : counts[layer.name].second) = layer.parameters;
    }
  for (const std::string& name : names) count_row(name, counts[name].first, counts[name].second);
  count_row("total", parameter_count(spec), parameter_count(other));
  count_row("without conv1 and fc", inner_parameters(spec), inner_parameters(other));
  count_row("multiply-adds", mac_count(spec), mac_count(other));
}

void print_json(const NetworkSpec& spec) {
  auto list = nlohmann::json::array();
  for (const LayerInfo& layer : layers(spec))
    list.push_back({{"name", layer.name},
                    {"output", {layer.channels, layer.height, layer.width}},
                    {"blocks", layer.blocks},
                    {"executions", layer.executions},
                    {"ode", layer.ode},
                    {"parameters", layer.parameters},
                    {"bytes", kBytes * layer.parameters},
                    {"macs", layer.macs}});
  const int64_t parameters = parameter_count(spec);
  const nlohmann::json json{{"model", spec.model},          {"classes", spec.classes}, {"parameters", parameters},
                            {"bytes", kBytes * parameters}, {"macs", mac_count(spec)}, {"layers", list}};
  fmt::print("{}\n", json.dump(2));
}

std::string model_list() {
  std::string text = "Models (N: depth):\n";
  for (const Family& f : families())
    text += fmt::format("  {:<18} {}{}\n", fmt::format("{}-N", f.name), f.help,
                        f.alias.empty() ? "" : fmt::format(" (also {}-N)", f.alias));
  return text;
}

}  // namespace

void add_info(CLI::App& app) {
  struct Options {
    std::string model;
    int classes = 10;
    bool json = false;
    std::string against;
  };
  auto* command = app.add_subcommand("info", "layers, parameters, bytes and multiply-adds of a model");
  command->footer(model_list());
  auto options = std::make_shared<Options>();
  command->add_option("model", options->model, "for example biased-odenet-20")->required();
  command->add_option("--classes", options->classes, "classes of the last layer")->capture_default_str();
  auto* json = command->add_flag("--json", options->json, "for programs");
  command->add_option("--against", options->against, "another model to compare the parameters with")->excludes(json);
  command->callback([options] {
    const NetworkSpec spec = make_spec(options->model, options->classes);
    if (!options->against.empty()) return print_comparison(spec, make_spec(options->against, options->classes));
    options->json ? print_json(spec) : print_table(spec);
  });
}

}  // namespace odenet
