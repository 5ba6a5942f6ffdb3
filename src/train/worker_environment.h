// Which of several processes this one is, from the environment variables that torchrun sets, or the user by hand.
//
//   RANK=0 WORLD_SIZE=2 MASTER_ADDR=127.0.0.1 MASTER_PORT=29500 odenet train ... &
//   RANK=1 WORLD_SIZE=2 MASTER_ADDR=127.0.0.1 MASTER_PORT=29500 odenet train ...
//
//   const WorkerEnvironment environment = worker_environment();   // {rank 0, size 1} where none of them is set
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>

namespace odenet::train {

struct WorkerEnvironment {
  int rank = 0, size = 1;
  // The same among those of this machine: which GPU to take, and how many share the cores.
  int local_rank = 0, local_size = 1;
  std::string address;                // where rank 0 runs; of use from size 2 on
  uint16_t port = 0;                  // free on that machine
  bool store_runs = false;            // the launcher keeps the store at address:port; otherwise rank 0 does
  int attempt = 0;                    // counts the launcher's restarts
  std::chrono::seconds timeout{300};  // without a word from another process, until it counts as lost
};

// Throws Error for a variable that is missing, no number or out of range, naming it and what it is for.
using Lookup = std::function<const char*(const char*)>;  // like std::getenv, the default
WorkerEnvironment worker_environment(const Lookup& lookup = nullptr);

}  // namespace odenet::train
