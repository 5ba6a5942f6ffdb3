#include "driver/resident.h"

#include "core/error.h"
#include "driver/accelerator.h"
#include "engine/registers.h"

namespace odenet::driver {
namespace {

// The engine is there, so that its memories fit their device, whichever that is.
constexpr const engine::Device& kAnyDevice = engine::kXczu7ev;

}  // namespace

void Resident::replace(fixed::Runner& runner, fixed::Runner::BlockFunction function) const {
  if (block)
    runner.replace_block(*block, std::move(function));
  else
    runner.replace_network(std::move(function));
}

Resident find_resident(Device& device, const fixed::Network& network) {
  const Contents contents = read_contents(device);
  std::optional<Resident> found;
  std::string others;
  // Compiles it only if its sizes are the engine's.
  const auto look_at = [&](const std::string& name, std::optional<size_t> block, int64_t in_size, int64_t out_size,
                           const auto& compile) {
    if (found) return;
    if (static_cast<size_t>(in_size) != contents.in_size || static_cast<size_t>(out_size) != contents.out_size) {
      others += fmt::format("\n  {}: {} to {} numbers", name, in_size, out_size);
      return;
    }
    try {
      Resident candidate{block, compile()};
      const uint64_t hash = engine::program_hash(candidate.program);
      if (hash == contents.hash)
        found = std::move(candidate);
      else
        others += fmt::format("\n  {}: program {:016x}", name, hash);
    } catch (const Error& e) {
      others += fmt::format("\n  {}: {}", name, e.what());
    }
  };
  const NetworkSpec& spec = network.spec;
  look_at("the network", {}, int64_t{spec.in_channels} * spec.height * spec.width, spec.classes,
          [&] { return engine::compile(network, contents.lanes, kAnyDevice); });
  for (size_t i = 0; i < network.blocks.size(); ++i) {
    const fixed::Block& block = network.blocks[i];
    look_at(block.name, i, int64_t{block.in_channels()} * block.height * block.width,
            int64_t{block.channels()} * block.out_height() * block.out_width(),
            [&] { return engine::compile(block, network.formats(), contents.lanes, kAnyDevice); });
  }
  if (found) return *std::move(found);
  throw Error(
      "the engine holds program {:016x} for {} to {} numbers, neither this network nor one of its blocks; load the "
      "bitstream of an export of it:{}",
      contents.hash, contents.in_size, contents.out_size, others);
}

}  // namespace odenet::driver
