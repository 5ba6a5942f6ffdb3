// Archives and compressed files, read with libarchive and trusted with nothing.
//
//   std::vector<std::byte> bytes = read_compressed("train-labels-idx1-ubyte.gz", 1 << 20);
//   StagedFolder staging("data/cifar-10-batches-bin");
//   unpack("cifar-10-binary.tar.gz", "cifar-10-batches-bin", staging.path(), limit);
//   staging.commit();
//
// Errors name the archive, the entry, and what is wrong with it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string_view>
#include <vector>

namespace odenet::data {

// The content of a .gz, .bz2 or .xz file; an Error if it is damaged, or larger than `limit` bytes when uncompressed, or
// a .gz file with anything behind its one member.
std::vector<std::byte> read_compressed(const std::filesystem::path& path, uint64_t limit);

// Writes the files below `folder` of a (compressed) tar archive into `target`, which exists, without that prefix; what
// lies elsewhere in the archive is left out. An Error if any entry, wanted or not, has an absolute path or one with
// "..", or is anything but a file or a folder (links, devices), or if the files have more than `limit` bytes in all, or
// if there is none.
void unpack(const std::filesystem::path& archive, std::string_view folder, const std::filesystem::path& target,
            uint64_t limit);

}  // namespace odenet::data
