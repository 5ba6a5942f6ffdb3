// odenet info: what a network consists of.
#include <fmt/format.h>

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
  };
  auto* command = app.add_subcommand("info", "layers, parameters, bytes and multiply-adds of a model");
  command->footer(model_list());
  auto options = std::make_shared<Options>();
  command->add_option("model", options->model, "for example biased-odenet-20")->required();
  command->add_option("--classes", options->classes, "classes of the last layer")->capture_default_str();
  command->add_flag("--json", options->json, "for programs");
  command->callback([options] {
    const NetworkSpec spec = make_spec(options->model, options->classes);
    options->json ? print_json(spec) : print_table(spec);
  });
}

}  // namespace odenet
