// MD5 of a file, the checksum that the publishers of data sets give. It tells damage, not malice.
//
//   std::string md5 = md5_of("train_32x32.mat");   // 32 hexadecimal digits
#pragma once

#include <filesystem>
#include <string>

namespace odenet::data {

// An Error if the file cannot be read.
std::string md5_of(const std::filesystem::path& path);

}  // namespace odenet::data
