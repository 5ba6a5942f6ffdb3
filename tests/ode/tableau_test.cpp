#include "ode/tableau.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "support/expect_error.h"

namespace odenet::ode {
namespace {

// A rooted tree: the trees that hang on its root (J. C. Butcher; Hairer, Norsett, Wanner I, section II.2).
struct Tree {
  std::vector<Tree> children;

  int size() const {
    int sum = 1;
    for (const Tree& child : children) sum += child.size();
    return sum;
  }
  double density() const {
    double product = size();
    for (const Tree& child : children) product *= child.density();
    return product;
  }
};

// Sequences of trees of `total` nodes, in an order that gives each multiset once: none larger, or later among its
// equals, than `limit` (size, index) says.
void forests(const std::vector<std::vector<Tree>>& by_size, int total, size_t size, size_t index,
             std::vector<Tree>& now, std::vector<Tree>& result) {
  if (total == 0) {
    result.push_back({now});
    return;
  }
  for (size_t s = std::min(size, static_cast<size_t>(total)); s >= 1; --s) {
    const size_t last = s == size ? std::min(index + 1, by_size[s].size()) : by_size[s].size();
    for (size_t i = 0; i < last; ++i) {
      now.push_back(by_size[s][i]);
      forests(by_size, total - static_cast<int>(s), s, i, now, result);
      now.pop_back();
    }
  }
}

// [n]: the trees of n nodes, up to `largest`.
std::vector<std::vector<Tree>> trees(int largest) {
  std::vector<std::vector<Tree>> by_size(1);
  for (int n = 1; n <= largest; ++n) {
    std::vector<Tree> now, result;
    forests(by_size, n - 1, by_size.size() - 1, by_size.back().size(), now, result);
    by_size.push_back(result);
  }
  return by_size;
}

// Per stage: the product over the children of sum_j a_ij (their own value), and the sum of the magnitudes that went in.
struct Value {
  long double value = 1, magnitude = 1;
};
std::vector<Value> stage_values(const Tableau& method, const Tree& tree) {
  std::vector<Value> result(static_cast<size_t>(method.stages));
  for (const Tree& child : tree.children) {
    const std::vector<Value> inner = stage_values(method, child);
    for (int i = 0; i < method.stages; ++i) {
      Value sum{0, 0};
      for (int j = 0; j < i; ++j) {
        const long double a = method.at(i, j);
        sum.value += a * inner[static_cast<size_t>(j)].value;
        sum.magnitude += std::abs(a) * inner[static_cast<size_t>(j)].magnitude;
      }
      result[static_cast<size_t>(i)].value *= sum.value;
      result[static_cast<size_t>(i)].magnitude *= sum.magnitude;
    }
  }
  return result;
}

// The order condition of a tree, sum_i b_i value_i = 1 / density, and what the rounding of the coefficients to double
// may do to it: half a unit in the last place for each of a product's factors, at most as many as the tree has nodes.
struct Condition {
  double defect, rounding;
};
Condition condition(const Tableau& method, const std::array<double, kMaxStages>& b, const Tree& tree) {
  const std::vector<Value> values = stage_values(method, tree);
  Value sum{0, 0};
  for (size_t i = 0; i < values.size(); ++i) {
    sum.value += b[i] * values[i].value;
    sum.magnitude += std::abs(static_cast<long double>(b[i])) * values[i].magnitude;
  }
  return {static_cast<double>(sum.value - 1 / static_cast<long double>(tree.density())),
          static_cast<double>(sum.magnitude) * tree.size() * 0x1p-53};
}

class EveryTableau : public ::testing::TestWithParam<std::string_view> {
 protected:
  const Tableau& method() const { return find_tableau(GetParam()); }
};

void expect_order(const Tableau& method, const std::array<double, kMaxStages>& b, int order) {
  const auto by_size = trees(order + 1);
  for (int n = 1; n <= order; ++n)
    for (const Tree& tree : by_size[static_cast<size_t>(n)]) {
      const Condition c = condition(method, b, tree);
      EXPECT_NEAR(c.defect, 0, c.rounding) << "a condition of order " << n;
    }
  double largest = 0;
  for (const Tree& tree : by_size.back()) largest = std::max(largest, std::abs(condition(method, b, tree).defect));
  EXPECT_GT(largest, 1e-6) << "the order is higher than the table says";
}

TEST(Trees, AreAsManyAsTheLiteratureCounts) {
  const auto by_size = trees(6);
  std::vector<size_t> counts;
  for (const auto& list : by_size) counts.push_back(list.size());
  EXPECT_EQ(counts, (std::vector<size_t>{0, 1, 1, 2, 4, 9, 20}));
}

TEST_P(EveryTableau, MeetsTheConditionsOfItsOrderAndNotOfTheNext) {
  expect_order(method(), method().b, method().order);
}

TEST_P(EveryTableau, TheEmbeddedMethodMeetsThoseOfItsOwn) {
  if (!method().embedded()) {
    EXPECT_EQ(method().embedded_b, (std::array<double, kMaxStages>{}));
    return;
  }
  EXPECT_EQ(std::abs(method().order - method().embedded_order), 1);
  expect_order(method(), method().embedded_b, method().embedded_order);
}

TEST_P(EveryTableau, IsExplicitWithNodesThatAreItsRowSums) {
  ASSERT_GE(method().stages, 1);
  ASSERT_LE(method().stages, kMaxStages);
  EXPECT_EQ(method().node(0), 0);
  for (int i = 0; i < kMaxStages; ++i) {
    double sum = 0;
    for (int j = 0; j < kMaxStages - 1; ++j) {
      if (j >= i || i >= method().stages) {
        EXPECT_EQ(method().at(i, j), 0) << i << ", " << j;
      }
      sum += method().at(i, j);
    }
    EXPECT_NEAR(sum, method().node(i), 4e-15) << i;
    if (i >= method().stages) {
      EXPECT_EQ(method().weight(i), 0) << i;
    }
  }
}

TEST_P(EveryTableau, IsDescribedAndFoundByItsName) {
  EXPECT_FALSE(method().help.empty());
  EXPECT_FALSE(method().source.empty());
  EXPECT_EQ(method().name, GetParam());
}

std::vector<std::string_view> names() {
  std::vector<std::string_view> list;
  for (const Tableau& method : tableaus()) list.push_back(method.name);
  return list;
}
INSTANTIATE_TEST_SUITE_P(Table, EveryTableau, ::testing::ValuesIn(names()));

TEST(Tableau, KnowsWhichLastStageIsTheNextStepsFirst) {
  std::vector<std::string_view> found;
  for (const Tableau& method : tableaus())
    if (method.first_same_as_last()) found.push_back(method.name);
  EXPECT_EQ(found, (std::vector<std::string_view>{"bogacki-shampine", "dormand-prince", "tsit5"}));
}

TEST(Tableau, FixedStepsLeaveOutStagesOfTheErrorEstimate) {
  EXPECT_EQ(find_tableau("euler").fixed_stages(), 1);
  EXPECT_EQ(find_tableau("midpoint").fixed_stages(), 2);
  EXPECT_EQ(find_tableau("rk4").fixed_stages(), 4);
  EXPECT_EQ(find_tableau("bogacki-shampine").fixed_stages(), 3);
  EXPECT_EQ(find_tableau("fehlberg").fixed_stages(), 5);
  EXPECT_EQ(find_tableau("dormand-prince").fixed_stages(), 6);
}

TEST(Tableau, AnUnknownNameListsWhatThereIs) { EXPECT_ERROR(find_tableau("rk5"), "'rk5'", "euler", "tsit5"); }

}  // namespace
}  // namespace odenet::ode
