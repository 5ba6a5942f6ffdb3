// Runs a verilated engine_tb as `verilator --main` does, and then writes coverage.dat, which that does not.
#include <memory>

#include "Vengine_tb.h"
#include "verilated.h"
#include "verilated_cov.h"

int main(int argc, char** argv) {
  const auto context = std::make_unique<VerilatedContext>();
  context->commandArgs(argc, argv);
  const auto bench = std::make_unique<Vengine_tb>(context.get());
  while (!context->gotFinish()) {
    bench->eval();
    if (!bench->eventsPending()) break;
    context->time(bench->nextTimeSlot());
  }
  bench->final();
  context->coveragep()->write("coverage.dat");
}
