// odenet compare: runs side by side.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "commands.h"
#include "train/curves.h"
#include "train/run_comparison.h"
#include "train/seed_groups.h"

namespace odenet {

void add_compare(CLI::App& app) {
  struct Options {
    std::vector<std::string> runs;
    std::string plot;
    bool over_seeds = false, json = false;
  };
  auto* command = app.add_subcommand("compare", "runs side by side: results, and the settings in which they differ");
  auto options = std::make_shared<Options>();
  command->add_option("runs", options->runs, "run folders; a run may be in progress")->required();
  command->add_flag("--over-seeds", options->over_seeds,
                    "runs that differ only in the seed together: mean and standard deviation of their results");
  command->add_option("--plot", options->plot, "draw the curves of all runs to this file, .svg or .png");
  command->add_flag("--json", options->json, "for programs");
  command->callback([options] {
    std::vector<train::RunSummary> runs;
    std::vector<train::Curve> curves;
    for (const std::string& run : options->runs) {
      runs.push_back(train::summarize(run));
      curves.push_back({run, runs.back().record.results});
    }
    if (!options->plot.empty()) train::draw_curves(curves, options->plot);
    if (options->over_seeds) {
      const train::SeedGroups groups = train::group_seeds(runs);
      fmt::print("{}", options->json ? train::groups_json(groups).dump(2) + "\n" : train::groups_text(groups));
    } else {
      fmt::print("{}", options->json ? train::comparison_json(runs).dump(2) + "\n" : train::comparison_text(runs));
    }
  });
}

}  // namespace odenet
