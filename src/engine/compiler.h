// Compiles one block of the integer network, or all of it, into a program of the engine.
//
//   fixed::Network net = fixed::Network::load("q20.safetensors");
//   engine::Program program = engine::compile(net.blocks.back(), net.formats(), /*macs=*/16);
//   engine::Program whole = engine::compile(net, /*macs=*/64);
//   for (const auto& [path, text] : engine::rom_files(program)) ...   // engine/rom.h
//   int64_t cycles = engine::cycles(program).compute;                 // engine/cycles.h
//
// Blocks: ODEBlocks of Euler's and Runge-Kutta steps and blocks with full, short and no skips, of stride 1 and 2, plain
// or depthwise separable, with batch or instance norms. A block takes activations [C, H, W] and gives activations; a
// network takes those of the image (fixed::Runner::input_activations) and gives logits, in fixed::Formats::logits().
//
// What an engine cannot run is an Error that says why: rows that are no whole number of map words, channels that are no
// multiple of the channel lanes, odd sizes with stride 2, memories larger than those of the device, weights that break
// the accumulator proof (fixed/accumulator_proof.h), formats of single layers, activations of less than 8 or weights of
// more than 25 bits; of a network last maps whose pixels are no power of two, and map words of less than the 32 bits of
// a logit.
#pragma once

#include <span>

#include "engine/program.h"
#include "engine/resources.h"
#include "fixed/network.h"

namespace odenet::engine {

// The numbers of multiply-accumulate units for which an engine is made: 1, 2, 4, ... 256; the larger ones need formats
// of one DSP a unit, or a large device.
std::span<const int> valid_macs();

// The fastest arrangement of so many units: as many neighbouring pixels as the rows allow.
Lanes choose_lanes(const fixed::Block& block, int macs);
Lanes choose_lanes(const fixed::Network& network, int macs);

Program compile(const fixed::Block& block, const fixed::Formats& formats, int macs, const Device& device = kXc7z020);
Program compile(const fixed::Block& block, const fixed::Formats& formats, Lanes lanes, const Device& device = kXc7z020);
Program compile(const fixed::Network& network, int macs, const Device& device = kXc7z020);
Program compile(const fixed::Network& network, Lanes lanes, const Device& device = kXc7z020);

}  // namespace odenet::engine
