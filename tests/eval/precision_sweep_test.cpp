#include "eval/precision_sweep.h"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "core/file.h"
#include "core/gnuplot.h"
#include "eval/fixed_backend.h"
#include "eval/stub_backend.h"
#include "fixed/calibration.h"
#include "fixed/quantizer.h"
#include "support/expect_error.h"
#include "support/temporary_folder.h"

namespace odenet::eval {
namespace {

using odenet::testing::random_images;
using odenet::testing::small_spec;
using odenet::testing::synthetic_checkpoint;

TEST(PrecisionSweep, CountsDisagreementsAndDrawsThem) {
  const SafeTensors checkpoint = synthetic_checkpoint(small_spec(), 2);
  const auto images = random_images(small_spec(), 60, 3);
  fixed::Calibration calibration(fixed::quantize(checkpoint));
  calibration.run(images);
  // Labels are the predictions in Q20, so that top-1 is the share of equal predictions.
  FixedBackend reference(fixed::quantize(checkpoint));
  const auto logits = reference.logits(images);
  std::vector<int32_t> labels;
  for (size_t i = 0; i < logits.size(); i += 5) labels.push_back(predicted_class(std::span(logits).subspan(i, 5)));
  PrecisionSweep sweep(reference, {images, labels}, {.batch = 25});
  EXPECT_ERROR(draw(sweep, "none.svg"), "no rows");
  for (const int bits : {24, 3}) sweep.add(bits, fixed::quantize(checkpoint, {.formats = calibration.formats(bits)}));
  ASSERT_EQ(sweep.rows().size(), 2u);
  EXPECT_EQ(sweep.rows()[0].disagreeing, 0);
  EXPECT_GT(sweep.rows()[1].disagreeing, 0);
  for (const SweepRow& row : sweep.rows()) EXPECT_EQ(row.metrics.top1_hits, 60 - row.disagreeing);
  EXPECT_LT(sweep.rows()[1].parameter_bits, sweep.rows()[0].parameter_bits);

  const nlohmann::json json = sweep;
  EXPECT_EQ(json["rows"][0]["bits"], 24);
  EXPECT_EQ(json["rows"][0]["top1_change"], 0);
  EXPECT_THAT(to_text(sweep), ::testing::ContainsRegex("\n  24 +100.00 +\\+0.00"));
  if (!can_draw_pictures()) GTEST_SKIP() << "gnuplot is not installed";
  const odenet::testing::TemporaryFolder folder;
  draw(sweep, folder / "sweep.svg");
  EXPECT_THAT(read_text_file(folder / "sweep.svg"), ::testing::HasSubstr("integers"));
}

}  // namespace
}  // namespace odenet::eval
