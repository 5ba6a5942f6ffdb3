// Ctrl-C, SIGTERM or a closed terminal (SIGHUP) as a request: the first one only sets a flag, the second one ends the
// process as usual. A SIGHUP that is ignored, as by nohup, stays so.
//
//   StopSignals signals;                        // from here on, until the object's end
//   while (!signals.requested()) work();
#pragma once

namespace odenet {

class StopSignals {
 public:
  StopSignals();
  ~StopSignals();
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;

  bool requested() const;
  int signal() const;  // that asked; 0: none did
};

}  // namespace odenet
