// Bilinear resizing of one plane of bytes, for digits that are smaller than the networks' 32 x 32 pixels.
//
//   std::vector<uint8_t> big = resize_bilinear(small, 28, 28, 32, 32);
//
// Pixels are squares, so output centre y + 1/2 shows input (y + 1/2) * in / out - 1/2, held at the border: the
// convention of OpenCV, Pillow and PyTorch (align_corners = false). No low-pass filter, so meant for enlarging. Exact
// in integers, rounded half up: the same bytes on every machine.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace odenet::data {

// image: [height, width]; returns [out_height, out_width]. Sizes from 1 to 4096.
std::vector<uint8_t> resize_bilinear(std::span<const uint8_t> image, int height, int width, int out_height,
                                     int out_width);

}  // namespace odenet::data
