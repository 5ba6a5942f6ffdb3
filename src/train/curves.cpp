#include "train/curves.h"

#include <stdlib.h>

#include <algorithm>

#include "core/error.h"
#include "core/file.h"
#include "core/process.h"

namespace odenet::train {

namespace fs = std::filesystem;

namespace {

class ScratchFolder {
 public:
  ScratchFolder() {
    std::string name = (fs::temp_directory_path() / "odenet-curves-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) throw Error("cannot create a folder like {}", name);
    path_ = name;
  }
  ~ScratchFolder() {
    std::error_code code;
    fs::remove_all(path_, code);
  }
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;
  fs::path operator/(const char* name) const { return path_ / name; }
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

struct Format {
  std::string_view ending, terminal;
};
constexpr Format kFormats[] = {{".svg", "svg size 900,1100 background rgb 'white'"},
                               {".png", "pngcairo size 900,1100"}};

// A gnuplot string: nothing in single quotes is special but the quote.
std::string quoted(std::string text) {
  std::replace_if(
      text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < ' '; }, ' ');
  for (size_t i = 0; (i = text.find('\'', i)) != std::string::npos; i += 2) text.insert(i, 1, '\'');
  return "'" + text + "'";
}

// Columns 1 to 6: epoch, learning rate, train loss, train top-1, test loss, test top-1.
std::string data_block(size_t index, const Curve& curve) {
  std::string text = fmt::format("$run{} << EOD\n", index);
  for (const EpochResult& r : curve.results) {
    text += fmt::format("{} {} {} {}", r.epoch, r.lr, r.train_loss, r.train_top1);
    text += r.tested ? fmt::format(" {} {}\n", r.test_loss, r.test_top1) : " ? ?\n";
  }
  return text + "EOD\n";
}

struct Line {
  int column;
  std::string_view name;
  bool dashed;
};

std::string panel(const std::vector<Curve>& curves, std::string_view label, const std::vector<Line>& lines) {
  std::string text = fmt::format("set ylabel {}\nplot ", quoted(std::string(label)));
  for (size_t i = 0; i < curves.size(); ++i)
    for (const Line& line : lines)
      text += fmt::format("{}$run{} using 1:{} with linespoints pt 7 ps 0.3 lw 1.5 lc {} dt {} title {}",
                          text.ends_with("plot ") ? "" : ", \\\n  ", i, line.column, i + 1, line.dashed ? 2 : 1,
                          quoted(fmt::format("{}{}", curves[i].name, line.name)));
  return text + "\n";
}

std::string script(const std::vector<Curve>& curves, std::string_view terminal) {
  int64_t epochs = 0;
  std::string text;
  for (size_t i = 0; i < curves.size(); ++i) {
    text += data_block(i, curves[i]);
    for (const EpochResult& r : curves[i].results) epochs = std::max(epochs, r.epoch);
  }
  if (epochs == 0) throw Error("no curves to draw: no epoch is complete");
  text += fmt::format("set terminal {} font 'sans,11' noenhanced\nset output 'picture'\n", terminal);
  text += fmt::format("set datafile missing '?'\nset grid\nset xlabel 'epoch'\nset xrange [0.5:{}.5]\n", epochs);
  if (epochs <= 20) text += "set xtics 1\n";
  text += "set lmargin 9\nset key below\nset multiplot layout 3,1\n";
  text += panel(curves, "loss", {{3, " train", true}, {5, " test", false}});
  text += panel(curves, "top-1 (%)", {{4, " train", true}, {6, " test", false}});
  text += panel(curves, "learning rate", {{2, "", false}});
  return text + "unset multiplot\nset output\n";
}

}  // namespace

bool can_draw_curves() {
  try {
    require_tool("gnuplot", "gnuplot-nox");
    return true;
  } catch (const Error&) {
    return false;
  }
}

void draw_curves(const std::vector<Curve>& curves, const fs::path& picture) {
  const auto format = std::find_if(std::begin(kFormats), std::end(kFormats),
                                   [&](const Format& f) { return f.ending == picture.extension(); });
  if (format == std::end(kFormats))
    throw Error("cannot draw {}: expected a name that ends with .svg or .png", picture.string());
  const std::string commands = script(curves, format->terminal);
  require_tool("gnuplot", "gnuplot-nox");
  const ScratchFolder scratch;
  write_file(scratch / "script", commands);
  run_process({"gnuplot", "script"}, scratch.path(), scratch / "log");
  write_file(picture, read_file(scratch / "picture"));
}

}  // namespace odenet::train
