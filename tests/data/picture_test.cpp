#include "data/picture.h"

#include <gtest/gtest.h>
#include <png.h>

#include <string>

#include "support/expect_error.h"

namespace odenet::data {
namespace {

// The picture as lines of text, '#' for what is not white.
std::string dots(const Picture& picture) {
  std::string text;
  for (int y = 0; y < picture.height; ++y) {
    for (int x = 0; x < picture.width; ++x)
      text += picture.pixels[3 * static_cast<size_t>(y * picture.width + x)] == 255 ? '.' : '#';
    text += '\n';
  }
  return text;
}

TEST(Picture, DrawsText) {
  Picture picture(11, 7);
  draw_text(picture, 0, 0, "t4", 1);
  EXPECT_EQ(dots(picture),
            "#####....#.\n"
            "..#.....##.\n"
            "..#....#.#.\n"
            "..#...#..#.\n"
            "..#...#####\n"
            "..#......#.\n"
            "..#......#.\n");
}

TEST(Picture, EnlargesTextAndDropsWhatIsOutside) {
  Picture picture(6, 4);
  draw_text(picture, -4, -2, "L", 2);
  EXPECT_EQ(dots(picture), "......\n......\n......\n......\n");
  draw_text(picture, 2, 1, "L", 2);
  EXPECT_EQ(dots(picture), "......\n..##..\n..##..\n..##..\n");
  EXPECT_EQ(text_width("ab", 2), 24);
}

TEST(Picture, EveryCharacterHasAGlyphOrABox) {
  std::string shapes;
  for (const char character : std::string("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.,:+=/()'#")) {
    Picture picture(5, 7);
    draw_text(picture, 0, 0, std::string(1, character), 1);
    const std::string shape = dots(picture);
    EXPECT_EQ(shapes.find(shape), shapes.npos) << character << " looks like another character:\n" << shape;
    shapes += shape + "\n";
  }
}

TEST(Picture, PngKeepsThePixels) {
  Picture picture(37, 11, {1, 2, 3});
  draw_text(picture, 2, 2, "x+y", 1, {250, 100, 7});
  const auto bytes = encode_png(picture);
  png_image image{};
  image.version = PNG_IMAGE_VERSION;
  ASSERT_NE(png_image_begin_read_from_memory(&image, bytes.data(), bytes.size()), 0) << image.message;
  EXPECT_EQ(image.width, 37u);
  EXPECT_EQ(image.height, 11u);
  image.format = PNG_FORMAT_RGB;
  std::vector<uint8_t> pixels(PNG_IMAGE_SIZE(image));
  ASSERT_NE(png_image_finish_read(&image, nullptr, pixels.data(), 0, nullptr), 0) << image.message;
  EXPECT_EQ(pixels, picture.pixels);
}

TEST(Picture, ImpossibleSizesAreErrors) {
  EXPECT_ERROR(Picture(0, 5), "0 x 5");
  EXPECT_ERROR(Picture(40'000, 5), "40000 x 5", "fewer images");
}

}  // namespace
}  // namespace odenet::data
