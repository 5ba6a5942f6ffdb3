// One process of the several that parallel_training_test starts:
//
//   training_process CONFIG RUN [stop|kill RANK STEP]
//
// trains as the worker that its environment names. Worker 0 writes the folder RUN, or goes on with it. Worker RANK asks
// to stop, or kills itself, after the STEP-th step that it takes. Prints "ok", "stopped" or the error.
#include <csignal>
#include <filesystem>
#include <iostream>
#include <optional>
#include <string>

#include "core/error.h"
#include "train/trainer.h"

namespace odenet::train {
namespace {

class Actor : public Observer {
 public:
  Actor(std::string action, int64_t step) : action_(std::move(action)), step_(step) {}
  void on_step(const Progress&) override {
    if (++steps_ == step_ && action_ == "kill") ::raise(SIGKILL);
  }
  // Asked before the report of the step.
  bool should_stop() override { return action_ == "stop" && steps_ + 1 >= step_; }

 private:
  std::string action_;
  int64_t step_, steps_ = 0;
};

int run(int argc, char** argv) {
  try {
    const WorkerEnvironment environment = worker_environment();
    TrainConfig config;
    load_config(config, argv[1]);
    std::optional<RunFolder> folder;
    if (environment.rank == 0) {
      if (std::filesystem::exists(argv[2]))
        folder.emplace(RunFolder::open(argv[2]));
      else
        folder.emplace(argv[2]);
    }
    const bool acts = argc == 6 && std::stoi(argv[4]) == environment.rank;
    Actor actor(acts ? argv[3] : "", acts ? std::stoi(argv[5]) : 0);
    const TrainResult result = train(config, folder ? &*folder : nullptr, actor, environment);
    std::cout << (result.stopped ? "stopped\n" : "ok\n");
    return 0;
  } catch (const Error& error) {
    std::cout << error.what() << '\n';
    return 1;
  }
}

}  // namespace
}  // namespace odenet::train

int main(int argc, char** argv) { return argc == 3 || argc == 6 ? odenet::train::run(argc, argv) : 2; }
