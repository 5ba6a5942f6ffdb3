// Pictures drawn by gnuplot.
//
//   draw_picture("plot sin(x)\n", {900, 400}, run / "curves.svg");     // or .png
#pragma once

#include <filesystem>
#include <string>

namespace odenet {

// Whether gnuplot is in PATH.
bool can_draw_pictures();

struct PictureSize {
  int width = 900, height = 500;
};

// The ending of `picture`, .svg or .png, decides its format. Errors: another ending, gnuplot missing or failing, file
// not writable.
void draw_picture(const std::string& commands, PictureSize size, const std::filesystem::path& picture);

// `text` as a gnuplot string in which nothing is special.
std::string gnuplot_string(std::string text);

}  // namespace odenet
