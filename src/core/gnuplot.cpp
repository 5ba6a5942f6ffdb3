#include "core/gnuplot.h"

#include <algorithm>

#include "core/error.h"
#include "core/file.h"
#include "core/process.h"
#include "core/scratch_folder.h"

namespace odenet {

namespace fs = std::filesystem;

namespace {

struct Format {
  std::string_view ending, terminal, options;
};
constexpr Format kFormats[] = {{".svg", "svg", "background rgb 'white'"}, {".png", "pngcairo", ""}};

}  // namespace

// Nothing in single quotes is special but the quote.
std::string gnuplot_string(std::string text) {
  std::replace_if(
      text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < ' '; }, ' ');
  for (size_t i = 0; (i = text.find('\'', i)) != std::string::npos; i += 2) text.insert(i, 1, '\'');
  return "'" + text + "'";
}

bool can_draw_pictures() {
  try {
    require_tool("gnuplot", "gnuplot-nox");
    return true;
  } catch (const Error&) {
    return false;
  }
}

void draw_picture(const std::string& commands, PictureSize size, const fs::path& picture) {
  const auto format = std::find_if(std::begin(kFormats), std::end(kFormats),
                                   [&](const Format& f) { return f.ending == picture.extension(); });
  if (format == std::end(kFormats))
    throw Error("cannot draw {}: expected a name that ends with .svg or .png", picture.string());
  require_tool("gnuplot", "gnuplot-nox");
  const ScratchFolder scratch("picture");
  write_file(
      scratch / "script",
      fmt::format("set terminal {} size {},{} {} font 'sans,11' noenhanced\nset output 'picture'\n{}set output\n",
                  format->terminal, size.width, size.height, format->options, commands));
  run_process({"gnuplot", "script"}, scratch.path(), scratch / "log");
  write_file(picture, read_file(scratch / "picture"));
}

}  // namespace odenet
