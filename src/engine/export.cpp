#include "engine/export.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/file.h"
#include "engine/hardware_files.h"
#include "engine/hash.h"
#include "engine/registers.h"
#include "engine/requirements.h"
#include "engine/resources.h"
#include "engine/rom.h"
#include "fixed/runner.h"

namespace odenet::engine {
namespace fs = std::filesystem;

namespace {

// Where a file of hw/ lies in an exported folder.
std::string exported_path(const std::string& path) {
  constexpr std::pair<std::string_view, std::string_view> kFolders[] = {{"export/", ""}, {"driver/python/", "driver/"}};
  for (const auto& [from, to] : kFolders)
    if (path.starts_with(from)) return std::string(to) + path.substr(from.size());
  return path;
}

// Every file of the engine, path -> text.
std::map<std::string, std::string> engine_files(const Program& program, int64_t golden_images) {
  std::map<std::string, std::string> files = rom_files(program);
  files.merge(register_files(program));
  for (const auto& [path, text] : hardware_files()) files[exported_path(path)] = text;
  files["config.mk"] =
      fmt::format("GOLDEN_IMAGES := {}\nCOMPUTE_CYCLES := {}\n", golden_images, cycles(program).compute);
  return files;
}

void write_files(const std::map<std::string, std::string>& files, const fs::path& folder) {
  for (const auto& [path, text] : files) {
    create_folder((folder / path).parent_path());
    write_file(folder / path, text);
  }
}

std::string exportable_layers(const fixed::Network& network) {
  std::string text;
  for (const fixed::Block& block : network.blocks) {
    bool exportable = true;
    try {
      compile(block, network.formats(), 1);
    } catch (const Error&) {
      exportable = false;
    }
    text += fmt::format("{}{}{}", text.empty() ? "" : ", ", block.name, exportable ? "" : " (not exportable)");
  }
  return text;
}

// The images in the records of CIFAR-10: a label byte, then the pixels.
std::string records(std::span<const uint8_t> images, const std::vector<int32_t>& labels, size_t image_size) {
  const size_t count = images.size() / image_size;
  if (!labels.empty() && labels.size() != count) throw Error("{} labels for {} images", labels.size(), count);
  std::string bytes;
  for (size_t i = 0; i < count; ++i) {
    const int32_t label = labels.empty() ? 0 : labels[i];
    if (label < 0 || label > 255) throw Error("image {}: label {}, expected 0 to 255", i, label);
    bytes += static_cast<char>(label);
    bytes.append(reinterpret_cast<const char*>(images.data()) + i * image_size, image_size);
  }
  return bytes;
}

}  // namespace

size_t find_block(const fixed::Network& network, const std::string& layer) {
  std::vector<size_t> found;
  for (size_t i = 0; i < network.blocks.size(); ++i) {
    const std::string& name = network.blocks[i].name;
    if (name == layer) return i;
    if (name.substr(0, name.rfind('.')) == layer) found.push_back(i);
  }
  if (found.size() == 1) return found[0];
  throw Error("{} layer '{}' in {}; its layers are {}", found.empty() ? "unknown" : "more than one block in", layer,
              network.spec.model, exportable_layers(network));
}

void write_engine(const Program& program, int64_t golden_images, const fs::path& folder) {
  write_files(engine_files(program, golden_images), folder);
}

ExportReport export_folder(const fixed::Network& network, std::span<const uint8_t> images, const fs::path& out,
                           const ExportOptions& options) {
  ExportReport report{.model = network.spec.model,
                      .megahertz = options.megahertz,
                      .formats = network.formats(),
                      .accuracy = network.accuracy};
  std::optional<size_t> block;
  if (options.layer.empty()) {
    report.program = compile(network, options.macs, options.device);
    report.proofs = fixed::prove_accumulators(network);
  } else {
    block = find_block(network, options.layer);
    report.program = compile(network.blocks[*block], network.formats(), options.macs, options.device);
    report.step_cycles = step_cycles(report.program);
    report.skips =
        skip_costs(network.blocks[*block], network.formats(), report.program.parameters.lanes, options.device);
    report.proofs = fixed::prove_accumulators(network.blocks[*block], network.formats());
  }
  report.cycles = cycles(report.program);
  report.performance = block ? project(network.spec, report.program.name, report.cycles, options.megahertz)
                             : project(network.spec, report.program, options.megahertz);
  report.device = options.device;
  report.resources = estimate(report.program, options.device.family);
  for (fixed::AccumulatorProof& proof : report.proofs)
    proof.bound = lane_bound(network.activation, report.program.parameters.mac_dsps);

  StagedFolder folder(out, options.replace);
  fixed::Runner runner(network);
  const std::vector<int32_t> input = block ? runner.block_input(images, *block) : runner.input_activations(images);
  if (input.empty()) throw Error("golden vectors need at least one image");
  report.images = std::ssize(input) / report.program.input.size();
  const size_t image_size = images.size() / static_cast<size_t>(report.images);

  const SafeTensors tensors = network.to_tensors();
  for (const auto& [name, tensor] : tensors.tensors) report.network_crc = crc32(tensor.data, report.network_crc);
  const auto files = engine_files(report.program, report.images);
  report.hash = fmt::format("{:016x}", hash_files(files));
  write_files(files, folder.path());
  const std::vector<int32_t> logits = runner.run(images);
  write_files({{"golden/input.hex", hex_lines(input, 32)},
               {"golden/output.hex", hex_lines(block ? runner.block(*block).run(input) : logits, 32)},
               {"golden/images.bin", records(images, options.labels, image_size)},
               {"report.json", nlohmann::json(report).dump(2) + "\n"}},
              folder.path());
  tensors.save(folder.path() / "network.safetensors");
  SafeTensors logits_file;
  logits_file.metadata = {{"dataset", network.dataset}};
  logits_file.add<int32_t>("logits", {report.images, network.spec.classes}, logits);
  logits_file.save(folder.path() / "golden/logits.safetensors");
  folder.commit();
  return report;
}

std::string to_text(const ExportReport& report) {
  const Program& program = report.program;
  const MemoryBits memory = memory_bits(program);
  const Lanes lanes = program.parameters.lanes;
  const auto shape = [](const MapShape& s) { return fmt::format("{} x {} x {}", s.channels, s.height, s.width); };
  std::string text = program.network ? fmt::format("{}, all of it: {} to {} logits, ", report.model,
                                                   shape(program.input), program.output.channels)
                                     : fmt::format("{} of {}: {} to {}, {} executions, ", program.name, report.model,
                                                   shape(program.input), shape(program.output), program.executions);
  text += fmt::format("{} multiply-accumulate lanes ({} channels, {} pixels)\n", lanes.macs(), lanes.oc, lanes.px);
  text += fmt::format("cycles: {} an image, {} to load and {} to store it; at {:g} MHz {:.2f} ms and {:.2f} ms\n",
                      report.cycles.compute, report.cycles.load, report.cycles.store, report.megahertz,
                      report.milliseconds(report.cycles.compute),
                      report.milliseconds(report.cycles.load + report.cycles.store));
  if (!program.network)
    text += fmt::format("{}: {} cycles, {:.2f} ms\n",
                        program.stages == 1 ? "an execution" : fmt::format("a step of {} executions", program.stages),
                        report.step_cycles, report.milliseconds(report.step_cycles));
  text += fmt::format("memory: {:.1f} Kib maps, {:.1f} Kib weights, {:.1f} Kib tables\n",
                      static_cast<double>(memory.maps) / 1024, static_cast<double>(memory.weights) / 1024,
                      static_cast<double>(memory.tables) / 1024);
  text += fmt::format("estimated:");
  for (const ResourceKind& kind : kResourceKinds)
    text += fmt::format(" {} {:g} ({:.0f} %)", kind.cell(report.device.family), report.resources.*kind.count,
                        100 * report.resources.*kind.count / (report.device.has.*kind.count));
  text += fmt::format(" of {}\n", report.device.name);
  text += fmt::format("of the multiply-accumulate lanes' cycles {:.0f} % used", 100 * lanes_used(program));
  if (const auto used = depthwise_lanes_used(program))
    text += fmt::format("; in depthwise convolutions {:.1f} %", 100 * *used);
  text += fmt::format("\nactivations {}, weights {}", fixed::describe(report.formats.activation),
                      fixed::describe(report.formats.weight));
  if (const auto& accuracy = report.accuracy)
    text += fmt::format(": top-1 {:.2f} % of {} {} images of {}, in float {:.2f} %", 100 * accuracy->top1,
                        accuracy->images, accuracy->split, accuracy->dataset, 100 * accuracy->float_top1);
  text += "\n";
  for (const fixed::AccumulatorProof& proof : report.proofs)
    text += fmt::format("{}: sum |w| at most {:.3f}, below {:.3f}: no accumulator can overflow\n", proof.layer,
                        report.formats.weight.to_real(proof.weight_sum), report.formats.weight.to_real(proof.bound));
  if (!report.skips.empty()) text += to_text(report.skips, report.device.family);
  text += to_text(report.performance);
  return text + fmt::format("golden vectors: {} images\n", report.images);
}

void to_json(nlohmann::json& json, const ExportReport& report) {
  const auto shape = [](const MapShape& s) { return nlohmann::json{s.channels, s.height, s.width}; };
  const auto format = [](fixed::Format f) { return nlohmann::json{{"width", f.width}, {"fraction", f.fraction}}; };
  const Program& program = report.program;
  const Parameters& parameters = program.parameters;
  auto proofs = nlohmann::json::array();
  for (const fixed::AccumulatorProof& proof : report.proofs)
    proofs.push_back({{"layer", proof.layer},
                      {"channel", proof.channel},
                      {"weight_sum", proof.weight_sum},
                      {"bound", proof.bound},
                      {"accumulator_bits", fixed::kAccumulatorBits}});
  auto listing = nlohmann::json::array();
  for (const Instruction& instruction : program.instructions) listing.push_back(describe(instruction));
  json = {
      {"model", report.model},
      {"scope", program.network ? "network" : "block"},
      {"macs", parameters.macs()},
      {"lanes", {{"channels", parameters.lanes.oc}, {"pixels", parameters.lanes.px}}},
      {"input", shape(program.input)},
      {"output", shape(program.output)},
      {"golden_images", report.images},
      {"hash", report.hash},
      {"program_hash", fmt::format("{:016x}", program_hash(program))},
      {"shape_hash", fmt::format("{:08x}", shape_hash(program))},
      {"network_crc32", fmt::format("{:08x}", report.network_crc)},
      {"megahertz", report.megahertz},
      {"cycles", {{"compute", report.cycles.compute}, {"load", report.cycles.load}, {"store", report.cycles.store}}},
      {"milliseconds",
       {{"compute", report.milliseconds(report.cycles.compute)},
        {"image", report.milliseconds(report.cycles.load + report.cycles.compute + report.cycles.store)}}},
      {"performance", report.performance},
      {"multiply_adds", multiply_adds(program)},
      {"memory_bits", memory_bits(program)},
      {"memory_words", {{"weights", parameters.weight_words}, {"tables", parameters.table_words}}},
      {"device", report.device.name},
      {"resources", report.resources},
      {"formats",
       {{"activation", format(report.formats.activation)},
        {"weight", format(report.formats.weight)},
        {"sum", format(parameters.sum())},
        {"scale", format(report.formats.scale)}}},
      {"accumulator_proofs", std::move(proofs)},
      {"program", std::move(listing)}};
  json["lanes_used"] = lanes_used(program);
  if (const auto used = depthwise_lanes_used(program)) json["depthwise_lanes_used"] = *used;
  if (const auto& accuracy = report.accuracy)
    json["accuracy"] = {{"dataset", accuracy->dataset},
                        {"split", accuracy->split},
                        {"images", accuracy->images},
                        {"top1", accuracy->top1},
                        {"float_top1", accuracy->float_top1}};
  if (program.network) {
    const std::vector<int64_t> sections = section_cycles(program);
    for (size_t s = 0; s < sections.size(); ++s)
      json["sections"].push_back({{"name", program.sections[s].name}, {"cycles", sections[s]}});
    return;
  }
  if (!report.skips.empty()) json["skips"] = report.skips;
  json["block"] = program.name;
  json["executions"] = program.executions;
  json["stages"] = program.stages;
  json["cycles"]["step"] = report.step_cycles;
  json["milliseconds"]["step"] = report.milliseconds(report.step_cycles);
}

}  // namespace odenet::engine
