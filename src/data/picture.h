// A picture in colour, to draw on and to write as PNG.
//
//   Picture picture(200, 40);
//   draw_text(picture, 4, 4, "cifar10: cat", 2);
//   write_file("cat.png", encode_png(picture));
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace odenet::data {

using Colour = std::array<uint8_t, 3>;  // red, green, blue

struct Picture {
  Picture(int width_, int height_, Colour background = {255, 255, 255});

  // Sets a pixel; those outside are left out.
  void set(int x, int y, Colour colour);

  int width, height;
  std::vector<uint8_t> pixels;  // [height, width, 3]
};

// Characters are 5 x 7 dots in a cell of 6 x 8, each dot `zoom` pixels wide; (x, y) is the upper left corner. Small
// letters are drawn as capitals, characters without a glyph as a box.
void draw_text(Picture& picture, int x, int y, std::string_view text, int zoom, Colour colour = {0, 0, 0});
int text_width(std::string_view text, int zoom);  // pixels

std::vector<std::byte> encode_png(const Picture& picture);

}  // namespace odenet::data
