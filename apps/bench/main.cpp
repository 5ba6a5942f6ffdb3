// bench: speed and memory, each as ratios within one run.
#include <fmt/format.h>

#include <cstdio>
#include <exception>

#include "subjects.h"

int main(int argc, char** argv) {
  CLI::App app("bench: speed and memory of odenet, each beside a reference in the same run");
  app.require_subcommand(1);
  for (const auto add : {odenet::bench::add_training, odenet::bench::add_inference, odenet::bench::add_gradients,
                         odenet::bench::add_adaptive})
    add(app);
  try {
    app.parse(argc, argv);
    return 0;
  } catch (const CLI::ParseError& e) {
    return app.exit(e) == 0 ? 0 : 2;
  } catch (const std::exception& e) {
    fmt::print(stderr, "bench: error: {}\n", e.what());
    return 1;
  }
}
