#include "driver/resident_block.h"

#include "core/error.h"
#include "driver/accelerator.h"
#include "engine/registers.h"

namespace odenet::driver {

ResidentBlock find_resident_block(Device& device, const fixed::Network& network) {
  const Contents contents = read_contents(device);
  std::string others;
  for (size_t i = 0; i < network.blocks.size(); ++i) {
    const fixed::Block& block = network.blocks[i];
    const auto in_size = static_cast<size_t>(block.in_channels() * block.height * block.width);
    const auto out_size = static_cast<size_t>(block.channels() * block.out_height() * block.out_width());
    if (in_size != contents.in_size || out_size != contents.out_size) {
      others += fmt::format("\n  {}: maps of {} to {} activations", block.name, in_size, out_size);
      continue;
    }
    try {
      ResidentBlock found{i, engine::compile(block, network.formats(), contents.lanes)};
      const uint64_t hash = engine::program_hash(found.program);
      if (hash == contents.hash) return found;
      others += fmt::format("\n  {}: program {:016x}", block.name, hash);
    } catch (const Error& e) {
      others += fmt::format("\n  {}: {}", block.name, e.what());
    }
  }
  throw Error(
      "the engine holds program {:016x} for maps of {} to {} activations, no block of this network; load the bitstream "
      "of an export of it:{}",
      contents.hash, contents.in_size, contents.out_size, others);
}

}  // namespace odenet::driver
