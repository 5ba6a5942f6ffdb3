#include "train/curves.h"

#include <algorithm>

#include "core/error.h"
#include "core/gnuplot.h"

namespace odenet::train {

namespace {

// Columns 1 to 6: epoch, learning rate, train loss, train top-1, test loss, test top-1 or rollout error.
std::string data_block(size_t index, const Curve& curve) {
  std::string text = fmt::format("$run{} << EOD\n", index);
  for (const EpochResult& r : curve.results) {
    text += fmt::format("{} {} {} {}", r.epoch, r.lr, r.train_loss, r.train_top1);
    text += r.tested ? fmt::format(" {} {}\n", r.test_loss, r.dynamics ? r.rollout_error : r.test_top1) : " ? ?\n";
  }
  return text + "EOD\n";
}

struct Line {
  int column;
  std::string_view name;
  bool dashed;
};

std::string panel(const std::vector<Curve>& curves, std::string_view label, const std::vector<Line>& lines) {
  std::string text = fmt::format("set ylabel {}\nplot ", gnuplot_string(std::string(label)));
  for (size_t i = 0; i < curves.size(); ++i)
    for (const Line& line : lines)
      text += fmt::format("{}$run{} using 1:{} with linespoints pt 7 ps 0.3 lw 1.5 lc {} dt {} title {}",
                          text.ends_with("plot ") ? "" : ", \\\n  ", i, line.column, i + 1, line.dashed ? 2 : 1,
                          gnuplot_string(fmt::format("{}{}", curves[i].name, line.name)));
  return text + "\n";
}

std::string script(const std::vector<Curve>& curves) {
  int64_t epochs = 0;
  bool dynamics = false, tested = false;
  std::string text;
  for (size_t i = 0; i < curves.size(); ++i) {
    text += data_block(i, curves[i]);
    for (const EpochResult& r : curves[i].results) {
      epochs = std::max(epochs, r.epoch);
      dynamics = dynamics || r.dynamics;
      tested = tested || r.tested;
    }
  }
  if (epochs == 0) throw Error("no curves to draw: no epoch is complete");
  text += fmt::format("set datafile missing '?'\nset grid\nset xlabel 'epoch'\nset xrange [0.5:{}.5]\n", epochs);
  if (epochs <= 20) text += "set xtics 1\n";
  std::vector<std::string> panels{panel(curves, "loss", {{3, " train", true}, {5, " test", false}})};
  if (!dynamics)
    panels.push_back(panel(curves, "top-1 (%)", {{4, " train", true}, {6, " test", false}}));
  else if (tested)  // gnuplot refuses a panel without any point
    panels.push_back(panel(curves, "rollout error", {{6, "", false}}));
  panels.push_back(panel(curves, "learning rate", {{2, "", false}}));
  text += fmt::format("set lmargin 9\nset key below\nset multiplot layout {},1\n", panels.size());
  return text + fmt::format("{}unset multiplot\n", fmt::join(panels, ""));
}

}  // namespace

void draw_curves(const std::vector<Curve>& curves, const std::filesystem::path& picture) {
  draw_picture(script(curves), {900, 1100}, picture);
}

}  // namespace odenet::train
