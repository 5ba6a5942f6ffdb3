// A folder with one engine of a random block, images and the integer block's answers, for the tools that run in it.
//
//   BenchFolder bench({.channels = 8}, /*macs=*/16, /*seed=*/1, /*images=*/2);
//   bench.run({"iverilog", ...});
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "core/file.h"
#include "core/process.h"
#include "engine/compiler.h"
#include "engine/hardware_files.h"
#include "engine/registers.h"
#include "engine/rom.h"
#include "fixed/runner.h"
#include "random_block.h"
#include "support/temporary_folder.h"

namespace odenet::engine::testing {

class BenchFolder {
 public:
  BenchFolder(Shape shape, int macs, uint32_t seed, int images)
      : random_(shape, seed), input(random_.images(images)), program(compile(random_.block, random_.formats, macs)) {
    for (const auto& [path, text] : hardware_files()) write(path, text);
    for (const auto& [path, text] : rom_files(program)) write(path, text);
    for (const auto& [path, text] : register_files(program)) write(path, text);
    write("input.hex", hex_lines(input, 32));
    write("golden.hex", hex_lines(answers(random_), 32));
  }

  // What `block`, of the same shape, makes of the images.
  std::vector<int32_t> answers(const RandomBlock& block) const {
    return fixed::BlockRunner(block.block, block.formats, 1).run(input);
  }

  // Returns what the command printed; throws Error if it fails.
  std::string run(const std::vector<std::string>& command) const {
    run_process(command, path(), path() / "log.txt");
    return read_text_file(path() / "log.txt");
  }

  void write(const std::string& path, std::string_view text) const {
    create_folder((folder_ / path).parent_path());
    write_file(folder_ / path, text);
  }
  std::filesystem::path path() const { return folder_.path(); }

 private:
  odenet::testing::TemporaryFolder folder_;
  RandomBlock random_;

 public:
  std::vector<int32_t> input;
  Program program;
};

}  // namespace odenet::engine::testing
