// One process of the several that workers_test starts: plays the part named by its argument, prints "ok" or the error.
#include <torch/torch.h>
#include <unistd.h>

#include <array>
#include <cmath>
#include <csignal>
#include <iostream>

#include "core/error.h"
#include "train/workers.h"

namespace odenet::train {
namespace {

constexpr int64_t kCount = 700001;  // floats: more than two buckets, the last one not full

void check(bool condition, std::string_view what) {
  if (!condition) throw Error("wrong: {}", what);
}

// i mod 1000, times the factor: sums and means over two processes are exact.
torch::Tensor ramp(int64_t count, float factor) {
  return torch::arange(count).remainder(1000).to(torch::kFloat32) * factor;
}

void average(Workers& workers) {
  const auto values = ramp(kCount, static_cast<float>(workers.rank() + 1));
  workers.average(values);
  check(torch::equal(values, ramp(kCount, 1.5f)), "the mean of many values");
  const auto first = torch::full({2, 3}, static_cast<float>(workers.rank()));
  const auto second = ramp(kCount, workers.rank() == 0 ? -2.f : 8.f);
  workers.start_average(first);
  workers.start_average(second);
  workers.finish_average();
  check(torch::equal(first, torch::full({2, 3}, 0.5f)), "the first of two means");
  check(torch::equal(second, ramp(kCount, 3)), "the second of two means");
  const auto nothing = torch::empty({0});
  workers.average(nothing);
}

void average_nan(Workers& workers) {
  const auto values = torch::ones({10});
  if (workers.rank() == 1) values[3] = NAN;
  workers.average(values);
  check(values.isnan().sum().item<int>() == 1 && std::isnan(values[3].item<float>()), "one NaN stays one NaN");
  check(values[9].item<float>() == 1, "the others are as they were");
}

void broadcast(Workers& workers) {
  const auto values = ramp(kCount, workers.rank() == 0 ? 7.f : NAN);
  workers.broadcast(values);
  check(torch::equal(values, ramp(kCount, 7)), "the values of the first process");
}

void sum(Workers& workers) {
  std::array<double, 3> counters{1e-3, 2.0 * workers.rank(), 50000};
  workers.sum(counters);
  check(counters == std::array<double, 3>{2e-3, 2, 100000}, "sums of counters");
  workers.barrier();
}

template <int killed>
void lose(Workers& workers) {
  workers.barrier();
  if (workers.rank() == killed) ::raise(SIGKILL);
  average(workers);
}

void silent(Workers& workers) {
  workers.barrier();
  while (workers.rank() == 1) ::pause();
  average(workers);
}

struct Part {
  std::string_view name;
  void (*play)(Workers&);
};
constexpr std::array<Part, 7> kParts{{{"average", average},
                                      {"average_nan", average_nan},
                                      {"broadcast", broadcast},
                                      {"sum", sum},
                                      {"lose_0", lose<0>},
                                      {"lose_1", lose<1>},
                                      {"silent", silent}}};

int play(std::string_view name) {
  for (const Part& part : kParts)
    if (part.name == name) try {
        Workers workers(worker_environment(), torch::kCPU);
        part.play(workers);
        std::cout << "ok\n";
        return 0;
      } catch (const Error& error) {
        std::cout << error.what() << '\n';
        return 1;
      }
  std::cout << "unknown part " << name << '\n';
  return 2;
}

}  // namespace
}  // namespace odenet::train

int main(int argc, char** argv) { return argc == 2 ? odenet::train::play(argv[1]) : 2; }
