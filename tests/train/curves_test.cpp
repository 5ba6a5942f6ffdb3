#include "train/curves.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include "core/file.h"
#include "core/gnuplot.h"
#include "support/expect_error.h"
#include "support/temporary_folder.h"

namespace odenet::train {
namespace {

namespace fs = std::filesystem;

std::vector<Curve> curves() {
  std::vector<EpochResult> results;
  for (int64_t epoch = 1; epoch <= 3; ++epoch)
    results.push_back({.epoch = epoch,
                       .lr = 0.1,
                       .train_loss = 2.0 / static_cast<double>(epoch),
                       .train_top1 = 20,
                       .tested = epoch != 2,
                       .test_loss = 1,
                       .test_top1 = 30});
  return {{"plain", results}, {"it's `rm x` $(y) \"z\"\n_", results}};
}

TEST(Curves, DrawsPicturesOfBothFormats) {
  if (!can_draw_pictures()) GTEST_SKIP() << "gnuplot is not installed";
  const testing::TemporaryFolder folder;
  draw_curves(curves(), folder / "c.svg");
  draw_curves(curves(), folder / "c.png");
  const std::string svg = read_text_file(folder / "c.svg");
  EXPECT_NE(svg.find("<svg"), std::string::npos);
  EXPECT_NE(svg.find("</svg>"), std::string::npos);
  EXPECT_NE(svg.find("plain test"), std::string::npos);
  EXPECT_NE(svg.find("`rm x` $(y)"), std::string::npos) << "names are text, not commands";
  EXPECT_EQ(read_text_file(folder / "c.png").substr(0, 4), "\x89PNG");
  EXPECT_EQ(std::distance(fs::directory_iterator(folder.path()), fs::directory_iterator()), 2);
}

TEST(Curves, LeavesOutWhatWasNeverTested) {
  if (!can_draw_pictures()) GTEST_SKIP() << "gnuplot is not installed";
  const testing::TemporaryFolder folder;
  std::vector<EpochResult> results{{.epoch = 1, .lr = 0.1, .train_loss = 2, .tested = false, .dynamics = true},
                                   {.epoch = 2, .lr = 0.1, .train_loss = 1, .tested = false, .dynamics = true}};
  draw_curves({{"run", results}}, folder / "untested.svg");
  EXPECT_EQ(read_text_file(folder / "untested.svg").find("rollout error"), std::string::npos);
  results[1].tested = true;
  results[1].rollout_error = 0.5;
  draw_curves({{"run", results}}, folder / "tested.svg");
  EXPECT_NE(read_text_file(folder / "tested.svg").find("rollout error"), std::string::npos);
}

TEST(Curves, RefusesWhatCannotBeDrawn) {
  const testing::TemporaryFolder folder;
  EXPECT_ERROR(draw_curves(curves(), folder / "c.pdf"), "c.pdf", ".svg or .png");
  EXPECT_ERROR(draw_curves({{"empty", {}}}, folder / "c.svg"), "no epoch");
  EXPECT_ERROR(draw_curves({}, folder / "c.svg"), "no epoch");
  if (can_draw_pictures()) EXPECT_ERROR(draw_curves(curves(), folder / "none/c.svg"), "none/c.svg");
}

TEST(Curves, SaysHowToGetGnuplot) {
  const testing::TemporaryFolder folder;
  const std::string path = ::getenv("PATH");
  ::setenv("PATH", folder.path().c_str(), 1);
  EXPECT_FALSE(can_draw_pictures());
  EXPECT_ERROR(draw_curves(curves(), folder / "c.svg"), "gnuplot is missing", "gnuplot-nox");
  ::setenv("PATH", path.c_str(), 1);
}

}  // namespace
}  // namespace odenet::train
