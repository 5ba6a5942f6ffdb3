#include "fixed/formats_text.h"

#include <gtest/gtest.h>

#include "support/expect_error.h"

namespace odenet::fixed {
namespace {

TEST(FormatsText, ReadsAndWrites) {
  EXPECT_EQ(parse_format("16.10"), (Format{16, 10}));
  EXPECT_EQ(parse_format("2.0"), (Format{2, 0}));
  EXPECT_EQ(parse_format("8.31"), (Format{8, 31}));
  EXPECT_EQ(to_text(Format{32, 20}), "32.20");
  std::map<std::string, Format, std::less<>> exceptions;
  EXPECT_EQ(parse_formats("16.10,layer3_2=16.8,fc=32.20", exceptions), (Format{16, 10}));
  EXPECT_EQ(exceptions.size(), 2u);
  EXPECT_EQ(exceptions["layer3_2"], (Format{16, 8}));
}

TEST(FormatsText, RefusesWhatIsNoFormat) {
  for (const char* text : {"", "16", "16.", ".10", "16.32", "33.20", "1.0", "16.-1", "16.10x", "16,10", " 16.10"})
    EXPECT_ERROR(parse_format(text), fmt::format("'{}'", text), "WIDTH.FRACTION");
  std::map<std::string, Format, std::less<>> exceptions;
  EXPECT_ERROR(parse_formats("layer1=16.10", exceptions), "none without a name");
  EXPECT_ERROR(parse_formats("16.10,16.11", exceptions), "two without a name", "16.11");
  EXPECT_ERROR(parse_formats("16.10,fc=8.2,fc=8.3", exceptions), "two for fc");
}

TEST(FormatsText, DefaultsAreQ20AndNarrowActivationsKeepWideSums) {
  EXPECT_EQ(formats_from("", ""), Formats{});
  EXPECT_TRUE(formats_from("32.16", "18.12").uniform());
  const Formats narrow = formats_from("16.10", "8.6,layer1=12.8");
  EXPECT_EQ(narrow.sum, (Format{32, 20}));
  EXPECT_EQ(narrow.weight_of("layer1.2.conv1"), (Format{12, 8}));
  EXPECT_EQ(narrow.weight_of("layer10.2.conv1"), (Format{8, 6}));
  EXPECT_EQ(narrow.sum_of(narrow.activation, narrow.weight), (Format{32, 16}));
}

}  // namespace
}  // namespace odenet::fixed
