#include "stop_signals.h"

#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <string_view>

namespace odenet {

namespace {

constexpr int kSignals[] = {SIGINT, SIGTERM, SIGHUP};

std::atomic<int> received = 0;
static_assert(std::atomic<int>::is_always_lock_free, "a handler may use nothing else");

// As nohup has it.
bool ignored(int signal) {
  struct sigaction action {};
  return signal == SIGHUP && ::sigaction(signal, nullptr, &action) == 0 && action.sa_handler == SIG_IGN;
}

void restore_defaults() {
  for (const int signal : kSignals)
    if (!ignored(signal)) ::signal(signal, SIG_DFL);
}

void on_signal(int signal) {
  received = signal;
  restore_defaults();
  constexpr std::string_view text = "\nstopping after this batch; once more to stop at once\n";
  [[maybe_unused]] const auto written = ::write(STDERR_FILENO, text.data(), text.size());
}

}  // namespace

StopSignals::StopSignals() {
  received = 0;
  struct sigaction action {};
  action.sa_handler = on_signal;
  action.sa_flags = SA_RESTART;
  for (const int signal : kSignals)
    if (!ignored(signal)) ::sigaction(signal, &action, nullptr);
}

StopSignals::~StopSignals() { restore_defaults(); }

bool StopSignals::requested() const { return received != 0; }
int StopSignals::signal() const { return received; }

}  // namespace odenet
