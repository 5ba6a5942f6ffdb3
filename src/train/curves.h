// Curves of one or more runs as a picture: loss, top-1 and learning rate over the epochs, drawn by gnuplot. What no run
// has a value of is left out.
//
//   if (can_draw_pictures()) draw_curves({{"resnet-20", results}}, run / "curves.svg");     // or curves.png
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "train/metrics_file.h"

namespace odenet::train {

struct Curve {
  std::string name;  // in the legend
  std::vector<EpochResult> results;
};

// The ending of `picture`, .svg or .png, decides its format. Errors: another ending, no epochs in any curve, gnuplot
// missing or failing, file not writable.
void draw_curves(const std::vector<Curve>& curves, const std::filesystem::path& picture);

}  // namespace odenet::train
