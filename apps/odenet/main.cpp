// odenet: from images to an FPGA accelerator for ODE-based CNNs. Dispatch, and the one place that catches errors.
#include <fmt/format.h>
#include <signal.h>

#include <cstdio>
#include <exception>

#include "commands.h"
#include "progress_line.h"

int main(int argc, char** argv) {
  ::signal(SIGXFSZ, SIG_IGN);  // so that a write beyond `ulimit -f` is an error that is reported
  CLI::App app("odenet: train ODE-based CNNs, quantize them, export them to an FPGA engine");
  app.set_version_flag("--version", ODENET_VERSION);
  app.require_subcommand(1);
  for (const auto add : {odenet::add_info, odenet::add_data, odenet::add_train, odenet::add_eval, odenet::add_compare,
                         odenet::add_quantize, odenet::add_export_fpga})
    add(app);
  try {
    app.parse(argc, argv);
    return std::fflush(stdout) == 0 ? 0 : 1;
  } catch (const CLI::ParseError& e) {
    return app.exit(e) == 0 ? 0 : 2;
  } catch (const odenet::ExitStatus& status) {
    std::fflush(stdout);
    return status.code;
  } catch (const std::exception& e) {
    std::fflush(stdout);
    odenet::print_stderr(fmt::format("odenet: error: {}\n", e.what()));
    return 1;
  }
}
