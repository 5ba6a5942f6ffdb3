#include "ode/tableau.h"

#include <algorithm>

#include "core/error.h"
#include "core/names.h"

namespace odenet::ode {

namespace {

// The rows of `a` start with that of the second stage; c_i is the sum of row i.
template <size_t kRows>
constexpr Tableau make(Tableau method, const double (&rows)[kRows][kMaxStages - 1]) {
  static_assert(kRows < kMaxStages);
  method.stages = kRows + 1;
  for (size_t i = 0; i < kRows; ++i)
    for (size_t j = 0; j <= i; ++j) method.a[i + 1][j] = rows[i][j];
  return method;
}

constexpr double kNone[1][kMaxStages - 1] = {};

constexpr Tableau euler() {
  Tableau method = make({.name = "euler",
                         .help = "Euler's; a residual block is one of its steps",
                         .source = "L. Euler, Institutionum calculi integralis, 1768",
                         .order = 1,
                         .b = {1}},
                        kNone);
  method.stages = 1;
  return method;
}

constexpr std::array<Tableau, 12> kTableaus{{
    euler(),
    make({.name = "midpoint",
          .help = "the slope at the middle of an Euler step",
          .source = "C. Runge, Ueber die numerische Aufloesung von Differentialgleichungen, 1895",
          .order = 2,
          .b = {0, 1},
          .c = {0, 1. / 2}},
         {{1. / 2}}),
    make({.name = "heun",
          .help = "the mean of the slopes at both ends of an Euler step (trapezoidal rule)",
          .source = "K. Heun, Neue Methoden zur approximativen Integration, 1900",
          .order = 2,
          .b = {1. / 2, 1. / 2},
          .c = {0, 1}},
         {{1}}),
    make({.name = "ralston",
          .help = "the second-order method of the smallest error bound",
          .source = "A. Ralston, Runge-Kutta methods with minimum error bounds, 1962",
          .order = 2,
          .b = {1. / 4, 3. / 4},
          .c = {0, 2. / 3}},
         {{2. / 3}}),
    make({.name = "rk4",
          .help = "the classical fourth-order method",
          .source = "W. Kutta, Beitrag zur naeherungsweisen Integration totaler Differentialgleichungen, 1901",
          .order = 4,
          .b = {1. / 6, 1. / 3, 1. / 3, 1. / 6},
          .c = {0, 1. / 2, 1. / 2, 1}},
         {{1. / 2}, {0, 1. / 2}, {0, 0, 1}}),
    make({.name = "rk4-38",
          .help = "fourth order by the 3/8 rule",
          .source = "W. Kutta, Beitrag zur naeherungsweisen Integration totaler Differentialgleichungen, 1901",
          .order = 4,
          .b = {1. / 8, 3. / 8, 3. / 8, 1. / 8},
          .c = {0, 1. / 3, 2. / 3, 1}},
         {{1. / 3}, {-1. / 3, 1}, {1, -1, 1}}),
    make({.name = "heun-euler",
          .help = "Heun's method with Euler's as its error estimate (RK12)",
          .source = "Hairer, Norsett, Wanner, Solving Ordinary Differential Equations I, section II.4",
          .order = 2,
          .embedded_order = 1,
          .b = {1. / 2, 1. / 2},
          .c = {0, 1},
          .embedded_b = {1}},
         {{1}}),
    make({.name = "bogacki-shampine",
          .help = "third order, error estimate of second (RK23)",
          .source = "P. Bogacki, L. F. Shampine, A 3(2) pair of Runge-Kutta formulas, 1989",
          .order = 3,
          .embedded_order = 2,
          .b = {2. / 9, 1. / 3, 4. / 9},
          .c = {0, 1. / 2, 3. / 4, 1},
          .embedded_b = {7. / 24, 1. / 4, 1. / 3, 1. / 8}},
         {{1. / 2}, {0, 3. / 4}, {2. / 9, 1. / 3, 4. / 9}}),
    make({.name = "fehlberg",
          .help = "fourth order, error estimate of fifth (RKF45)",
          .source = "E. Fehlberg, Klassische Runge-Kutta-Formeln vierter und niedrigerer Ordnung, 1970",
          .order = 4,
          .embedded_order = 5,
          .b = {25. / 216, 0, 1408. / 2565, 2197. / 4104, -1. / 5},
          .c = {0, 1. / 4, 3. / 8, 12. / 13, 1, 1. / 2},
          .embedded_b = {16. / 135, 0, 6656. / 12825, 28561. / 56430, -9. / 50, 2. / 55}},
         {{1. / 4},
          {3. / 32, 9. / 32},
          {1932. / 2197, -7200. / 2197, 7296. / 2197},
          {439. / 216, -8, 3680. / 513, -845. / 4104},
          {-8. / 27, 2, -3544. / 2565, 1859. / 4104, -11. / 40}}),
    make({.name = "cash-karp",
          .help = "fifth order, error estimate of fourth",
          .source = "J. R. Cash, A. H. Karp, A variable order Runge-Kutta method, 1990",
          .order = 5,
          .embedded_order = 4,
          .b = {37. / 378, 0, 250. / 621, 125. / 594, 0, 512. / 1771},
          .c = {0, 1. / 5, 3. / 10, 3. / 5, 1, 7. / 8},
          .embedded_b = {2825. / 27648, 0, 18575. / 48384, 13525. / 55296, 277. / 14336, 1. / 4}},
         {{1. / 5},
          {3. / 40, 9. / 40},
          {3. / 10, -9. / 10, 6. / 5},
          {-11. / 54, 5. / 2, -70. / 27, 35. / 27},
          {1631. / 55296, 175. / 512, 575. / 13824, 44275. / 110592, 253. / 4096}}),
    make({.name = "dormand-prince",
          .help = "fifth order, error estimate of fourth (RK45, ode45, dopri5)",
          .source = "J. R. Dormand, P. J. Prince, A family of embedded Runge-Kutta formulae, 1980",
          .order = 5,
          .embedded_order = 4,
          .b = {35. / 384, 0, 500. / 1113, 125. / 192, -2187. / 6784, 11. / 84},
          .c = {0, 1. / 5, 3. / 10, 4. / 5, 8. / 9, 1, 1},
          .embedded_b = {5179. / 57600, 0, 7571. / 16695, 393. / 640, -92097. / 339200, 187. / 2100, 1. / 40}},
         {{1. / 5},
          {3. / 40, 9. / 40},
          {44. / 45, -56. / 15, 32. / 9},
          {19372. / 6561, -25360. / 2187, 64448. / 6561, -212. / 729},
          {9017. / 3168, -355. / 33, 46732. / 5247, 49. / 176, -5103. / 18656},
          {35. / 384, 0, 500. / 1113, 125. / 192, -2187. / 6784, 11. / 84}}),
    make({.name = "tsit5",
          .help = "fifth order, error estimate of fourth, smaller error than dormand-prince for the same work",
          .source = "Ch. Tsitouras, Runge-Kutta pairs of order 5(4) satisfying only the first column simplifying "
                    "assumption, 2011",
          .order = 5,
          .embedded_order = 4,
          .b = {0.09646076681806522951816731316512876333711995238157997181903319145764851595234062815396, 1. / 100,
                0.4798896504144995747752495322905965199130404621990332488332634944254542060153074523509,
                1.379008574103741893192274821856872770756462643091360525934940067397245698027561293331,
                -3.290069515436080679901047585711363850115683290894936158531296799594813811049925401677,
                2.324710524099773982415355918398765796109060233222962411944060046314465391054716027841},
          .c = {0, 0.161, 0.327, 0.9,
                0.9800255409045096857298102862870245954942137979563024768854764293221195950761080302604, 1, 1},
          // as published: weights of the result, and differences
          .embedded_b = {0.09646076681806522951816731316512876333711995238157997 - 0.00178001105222577714,
                         1. / 100 - 0.0008164344596567469,
                         0.4798896504144995747752495322905965199130404621990332 + 0.007880878010261995,
                         1.379008574103741893192274821856872770756462643091360525 - 0.1447110071732629,
                         -3.290069515436080679901047585711363850115683290894936158 + 0.5823571654525552,
                         2.324710524099773982415355918398765796109060233222962411 - 0.45808210592918697, 1. / 66}},
         {{0.161},
          {-0.008480655492356988544426874250230774675121177393430391537369234245294192976164141156943,
           0.3354806554923569885444268742502307746751211773934303915373692342452941929761641411569},
          {2.897153057105493432130432594192938764924887287701866490314866693455023795137503079289,
           -6.359448489975074843148159912383825625952700647415626703305928850207288721235210244366,
           4.362295432869581411017727318190886861027813359713760212991062156752264926097707165077},
          {5.325864828439256604428877920840511317836476253097040101202360397727981648835607691791,
           -11.74888356406282787774717033978577296188744178259862899288666928009020615663593781589,
           7.495539342889836208304604784564358155658679161518186721010132816213648793440552049753,
           -0.09249506636175524925650207933207191611349983406029535244034750452930469056411389539635},
          {5.861455442946420028659251486982647890394337666164814434818157239052507339770711679748,
           -12.92096931784710929170611868178335939541780751955743459166312250439928519268343184452,
           8.159367898576158643180400794539253485181918321135053305748355423955009222648673734986,
           -0.07158497328140099722453054252582973869127213147363544882721139659546372402303777878835,
           -0.02826905039406838290900305721271224146717633626879770007617876201276764571291579142206},
          {0.09646076681806522951816731316512876333711995238157997181903319145764851595234062815396, 1. / 100,
           0.4798896504144995747752495322905965199130404621990332488332634944254542060153074523509,
           1.379008574103741893192274821856872770756462643091360525934940067397245698027561293331,
           -3.290069515436080679901047585711363850115683290894936158531296799594813811049925401677,
           2.324710524099773982415355918398765796109060233222962411944060046314465391054716027841}}),
}};

}  // namespace

bool Tableau::first_same_as_last() const {
  return stages > 1 && node(stages - 1) == 1 && weight(stages - 1) == 0 &&
         std::equal(b.begin(), b.end() - 1, a[static_cast<size_t>(stages - 1)].begin());
}

int Tableau::fixed_stages() const {
  int count = stages;
  while (weight(count - 1) == 0) --count;
  return count;
}

std::span<const Tableau> tableaus() { return kTableaus; }

const Tableau& find_tableau(std::string_view name) {
  if (const Tableau* row = find_named(kTableaus, name)) return *row;
  throw Error("unknown Runge-Kutta method '{}'; there are {}", name, names_of(kTableaus));
}

}  // namespace odenet::ode
