#include "engine/resources.h"

#include <algorithm>
#include <bit>
#include <cctype>
#include <nlohmann/json.hpp>
#include <vector>

#include "core/error.h"
#include "core/names.h"

namespace odenet::engine {
namespace {

constexpr int kSlice = 32;                                    // hw/rtl/ram.v: the widest memory of a map
constexpr int kXilinxNormDsps = 4, kEcp5NormMultipliers = 6;  // hw/rtl/multiplier.v
constexpr int kCountBits = 16;                                // COUNT_WIDTH of hw/rtl
constexpr int kMomentsBits = 128;                             // hw/rtl/moments.v: sums of a channel

int bits_of(int words) { return words > 1 ? std::bit_width(static_cast<unsigned>(words - 1)) : 1; }  // of an address
int log2_of(int lanes) { return std::bit_width(static_cast<unsigned>(lanes)) - 1; }

// LUTs of a multiplexer, a bit: one of six inputs makes one value of four, one of four inputs one of two.
int multiplexer(int values, DeviceFamily family) {
  return family == DeviceFamily::kXilinx ? divide_up(values - 1, 3) : values - 1;
}

// Yosys puts nothing but the products into an ECP5's multipliers: operands of 18 bits, in several of them if wider.
int ecp5_lane_multipliers(const Parameters& p) {
  const auto multipliers = [](int a, int b) { return divide_up(a, 18) * divide_up(b, 18); };
  return p.mac_dsps == 1 ? multipliers(p.activation.width, p.weight.width) : 2 * multipliers(18, p.weight.width);
}

// Both maps, which are made of slices.
double map_blocks(const Parameters& p, DeviceFamily family) {
  double sum = 0;
  for (const int words : p.map_words)
    for (int bits = p.lanes.px * p.activation.width; bits > 0; bits -= kSlice)
      sum += place(words, std::min(bits, kSlice), /*written=*/true, family).blocks;
  return sum;
}

// Of online norms: sums of 128 bits, mean and scale.
double online_blocks(const Parameters& p, DeviceFamily family) {
  return p.online_channels == 0 ? 0 : 6 * place(p.online_channels, kSlice, /*written=*/true, family).blocks;
}

// What the modules are made of. Each function stands for the module of its name; its terms are the registers and the
// multiplexers of the Verilog, its constants what Yosys makes of the control logic around them.
class Engine {
 public:
  Engine(const Program& program, DeviceFamily family) : p_(program.parameters), family_(family) {
    for (const Instruction& i : program.instructions) {
      if (i.opcode == Opcode::kLoop) loops_ = true;
      if (i.opcode == Opcode::kCombine) combines_ = true;
      if (i.opcode != Opcode::kConvolve) continue;
      stride2_ |= i.stride2 != 0;
      pointwise_ |= i.pointwise != 0;
      plane_ = std::min(plane_, static_cast<int>(i.plane & -i.plane));
    }
    online_ = p_.online_channels != 0;
    for (const auto* table : {&program.time_bias, &program.scale, &program.shift})
      tables_.push_back(place_rom(*table, family));
    biased_ = tables_[0].bits != 0;
    word_ = p_.lanes.px * p_.activation.width;
    map_address_ = std::max(bits_of(p_.map_words[0]), bits_of(p_.map_words[1]));
    const int dropped = std::max(0, p_.sum_shift() - 1);  // hw/rtl/requantize.v: bits below the half
    exact_ = (p_.mac_dsps == 1 ? 48 : 65) - dropped;
    sum_ = 48 * p_.mac_dsps - (p_.mac_dsps == 1 ? dropped : std::min(17, dropped));
  }

  double flip_flops() const {
    return mac_array_flip_flops() + window_flip_flops() + 2 * stream_flip_flops() + walker_flip_flops() +
           writer_flip_flops() + sequencer_flip_flops() + counters_flip_flops() + rom_flip_flops() +
           online_flip_flops() + single_flip_flops() + (family_ == DeviceFamily::kEcp5 ? ecp5_flip_flops() : 0);
  }

  double luts() const {
    const int datapath = family_ == DeviceFamily::kXilinx
                             ? mac_array_luts() + window_luts() + map_luts() + stream_luts() + writer_luts()
                             : ecp5_luts();
    return datapath + map_row_luts() + walker_luts() + sequencer_luts() + rom_luts() + online_luts() + single_luts();
  }

  double block_rams() const {
    double sum = map_blocks(p_, family_) + online_blocks(p_, family_);
    sum += p_.lanes.oc * place(p_.weight_words, p_.weight.width, false, family_).blocks;
    for (const Rom& rom : tables_) sum += rom.blocks.blocks;
    return sum;
  }

 private:
  // One sum a lane, one a channel lane, one that is read; the operands' registers are those of the DSPs.
  int mac_array_flip_flops() const { return sum_ * (p_.macs() + p_.lanes.oc + 1) + log2_of(p_.lanes.oc) + 1; }
  int mac_array_luts() const {
    return sum_ * (p_.lanes.oc * multiplexer(p_.lanes.px, family_) + multiplexer(p_.lanes.oc, family_));
  }

  // pixels, first; neighbour, top and the right neighbour; all even ones with stride 2.
  int window_flip_flops() const {
    const int px = p_.lanes.px, half = stride2_ ? std::max(1, px / 2) : 1;
    return p_.activation.width * (2 * px + 2 + half) + 1 + (stride2_ ? 1 : 0) + (pointwise_ ? 1 : 0);
  }
  int window_luts() const {
    const int px = p_.lanes.px, width = p_.activation.width;
    int luts = width * (px + 3) + 3;
    if (px == 1) luts -= width;
    if (pointwise_) luts += stride2_ ? word_ : width + 2;
    if (stride2_) luts += width * std::max(1, 3 * px / 2 - 1);
    return luts;
  }

  // Of loader and storer each: a word, its address, words left, the pixel, state.
  int stream_flip_flops() const { return word_ + kCountBits + map_address_ + log2_of(p_.lanes.px) + 3; }
  int stream_luts() const { return word_ + 56 + 55; }

  // Which of loader and write-back writes, which map is the source, which has the old values.
  int map_luts() const { return 4 * word_; }
  // The rows of a map's block RAMs; Yosys repeats their multiplexer for the map's readers, in an ECP5's small LUTs.
  int map_row_luts() const {
    int sum = 0;
    for (const int words : p_.map_words) {
      const int rows = place(words, kSlice, /*written=*/true, family_).rows;
      sum += word_ * (family_ == DeviceFamily::kXilinx ? multiplexer(rows, family_) : 11 * (rows - 1) / 3);
    }
    return sum;
  }

  // Four counts of channels, fourteen addresses of maps, two of weights and of each table. The lowest bits of some
  // never change: groups have oc channels, and planes, which are added to the first addresses of groups, plane_ words.
  int walker_flip_flops() const {
    const int weight = bits_of(p_.weight_words), table = bits_of(p_.table_words), bias = bits_of(9 * p_.table_words),
              oc = log2_of(p_.lanes.oc);
    const int constant = (biased_ ? 6 : 4) * oc + 2 * std::min(oc + log2_of(plane_), map_address_);
    return 4 * kCountBits + 14 * map_address_ + 2 * weight + 2 * table + (biased_ ? 2 * bias : 0) + 18 - constant +
           (weight + 6);  // delay_weight of engine.v
  }
  // Of each bit of an address its adders and comparisons, and their multiplexers.
  int walker_luts() const {
    return 27 * map_address_ + 8 * bits_of(p_.weight_words) + 5 * bits_of(p_.table_words) - 108;
  }

  int sequencer_flip_flops() const { return 50 + (loops_ ? 20 : 0) + 22; }
  int sequencer_luts() const { return 60 + (loops_ ? 60 : 0); }
  int counters_flip_flops() const { return 8 * 32 + 1; }

  // Sum of a convolution, of a norm, of a result; y and the result; the product; an old value; a word.
  int writer_flip_flops() const {
    const int width = p_.activation.width, product = 64 - std::max(0, p_.norm_shift() - std::max(1, p_.finer()));
    const int sums = exact_ + std::max(exact_, 32) + (product + 1 - std::max(1, p_.finer())) + width + 1;
    const int bias = biased_ ? 2 * bits_of(9 * p_.table_words) : 0;
    return sums + 2 * width + product + width + word_ + 73 + 3 * map_address_ + bits_of(p_.table_words) + bias +
           log2_of(p_.lanes.oc);
  }
  // Sums of a channel's pixels, and c as a map word.
  int single_flip_flops() const { return p_.single ? 135 : 0; }
  int single_luts() const { return p_.single ? 2 * word_ + 170 : 0; }

  // Adders of the joined sum, of the rounded one with the time bias, of norm and result, saturations, the old pixel.
  int writer_luts() const {
    const int width = p_.activation.width;
    return 340 + (p_.mac_dsps == 2 ? 48 : 0) + exact_ + 11 * width / 4 + width * multiplexer(p_.lanes.px, family_) +
           (biased_ ? 32 + 4 * bits_of(9 * p_.table_words) : 0) + (combines_ && !online_ ? 115 : 0);
  }

  int weight_luts() const {
    return p_.lanes.oc * p_.weight.width *
           multiplexer(place(p_.weight_words, p_.weight.width, false, family_).rows, family_);
  }
  int rom_flip_flops() const {
    int sum = p_.lanes.oc * p_.weight.width;
    for (const Rom& rom : tables_) sum += rom.in_block_ram() ? rom.bits : 2 * rom.different;
    return sum;
  }
  int rom_luts() const {
    int sum = weight_luts();
    for (const Rom& rom : tables_)
      sum += rom.in_block_ram() ? rom.bits * multiplexer(rom.blocks.rows, family_)
                                : rom.different * divide_up(rom.words, family_ == DeviceFamily::kXilinx ? 64 : 16);
    return sum;
  }

  // moments, online_norm, isqrt, divide, and the values that travel beside them in write_back. moments holds the sums
  // of the other channel lanes: two of them in a register each, more in shift registers, which an ECP5 has not.
  int online_flip_flops() const {
    if (!online_) return 0;
    const int held = family_ == DeviceFamily::kEcp5 ? p_.lanes.oc - 1 : p_.lanes.oc == 2 ? 1 : 0;
    return (family_ == DeviceFamily::kXilinx ? 1220 : 1675) + held * kMomentsBits;
  }
  int online_luts() const {
    if (!online_) return 0;
    return family_ == DeviceFamily::kXilinx ? 1170 + (p_.lanes.oc > 2 ? kMomentsBits : 0) : 2100;
  }

  // Operands, products and accumulators; the maps' bypasses of words read while they are written, which never happens;
  // the norm's products, delays.
  int ecp5_flip_flops() const {
    const int activation = p_.activation.width, weight = p_.weight.width;
    const int products = p_.mac_dsps == 1 ? activation + weight : 18 + activation - 17 + 2 * weight;
    return p_.macs() * (products + 48 * p_.mac_dsps) + p_.lanes.px * activation + p_.lanes.oc * weight + 3 * word_ +
           636;
  }
  int ecp5_luts() const {
    const int split = ecp5_lane_multipliers(p_) > p_.mac_dsps ? 24 : 0;  // joins a product's parts
    return p_.macs() * p_.mac_dsps * (80 + split) + mac_array_luts() + 46 * word_ / 5 + 1340 +
           (stride2_ ? p_.activation.width * (p_.lanes.px - 1) : 0) + (pointwise_ ? 3 * word_ / 2 : 0);
  }

  const Parameters& p_;
  DeviceFamily family_;
  bool loops_ = false, combines_ = false, stride2_ = false, pointwise_ = false, online_ = false, biased_ = false;
  std::vector<Rom> tables_;  // time biases, scales, shifts
  int plane_ = 1 << 15;      // a power of two that divides the words of every plane
  int word_ = 0, map_address_ = 0, exact_ = 0, sum_ = 0;
};

}  // namespace

const Device& find_device(std::string_view name) {
  const auto same = [](char a, char b) {
    return std::tolower(static_cast<unsigned char>(a)) == std::tolower(static_cast<unsigned char>(b));
  };
  for (const Device& device : kDevices)
    if (std::equal(name.begin(), name.end(), device.name.begin(), device.name.end(), same)) return device;
  throw Error("unknown device '{}': expected one of {}", name, names_of(kDevices));
}

void to_json(nlohmann::json& json, const Resources& resources) {
  for (const ResourceKind& kind : kResourceKinds) json[std::string(kind.name)] = resources.*kind.count;
}

Resources estimate(const Program& program, DeviceFamily family) {
  const Engine engine(program, family);
  return {static_cast<double>(dsps(program.parameters, family)), engine.block_rams(), engine.luts(),
          engine.flip_flops()};
}

double largest_share(const Resources& resources, const Device& device) {
  double share = 0;
  for (const ResourceKind& kind : kResourceKinds)
    share = std::max(share, resources.*kind.count / device.has.*kind.count);
  return share;
}

int dsps(const Parameters& p, DeviceFamily family) {
  return family == DeviceFamily::kXilinx ? p.macs() * p.mac_dsps + kXilinxNormDsps
                                         : p.macs() * ecp5_lane_multipliers(p) + kEcp5NormMultipliers;
}

double block_rams(const Parameters& p, DeviceFamily family) {
  const auto blocks = [family](int words, int width) { return place(words, width, /*written=*/true, family).blocks; };
  return map_blocks(p, family) + online_blocks(p, family) + p.lanes.oc * blocks(p.weight_words, p.weight.width) +
         blocks(9 * p.table_words, 32) + 2 * blocks(p.table_words, 32);
}

void require_fits(const Program& program, const Device& device) {
  const int needed_dsps = dsps(program.parameters, device.family);
  if (needed_dsps > device.has.dsp)
    throw Error("{}: {} multiply-accumulate lanes take {} DSPs, more than the {:g} of the {}; choose fewer",
                program.name, program.parameters.macs(), needed_dsps, device.has.dsp, device.name);
  const double needed = block_rams(program.parameters, device.family);
  if (needed > device.has.block_rams)
    throw Error(
        "{}: its memories take {:g} block RAMs, more than the {:g} of the {}; quantize it to fewer bits, or choose a "
        "larger device",
        program.name, needed, device.has.block_rams, device.name);
}

}  // namespace odenet::engine
