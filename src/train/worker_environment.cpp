#include "train/worker_environment.h"

#include <cstdlib>
#include <string_view>

#include "core/error.h"
#include "core/parse_number.h"

namespace odenet::train {

namespace {

constexpr std::string_view kAdvice =
    "a run of several processes needs RANK, WORLD_SIZE, MASTER_ADDR and MASTER_PORT (torchrun sets them all), a run of "
    "one needs none of them";

class Variables {
 public:
  explicit Variables(const Lookup& lookup) : lookup_(lookup) {}

  bool has(const char* name) const { return lookup_(name) != nullptr; }

  std::string text(const char* name) const {
    const char* value = lookup_(name);
    if (value == nullptr || *value == '\0') throw Error("the environment variable {} is not set: {}", name, kAdvice);
    return value;
  }

  int number(const char* name, int low, int high) const {
    const std::string value = text(name);
    int result = 0;
    if (!parse_number(value, result) || result < low || result > high)
      throw Error("the environment variable {} is '{}', expected a whole number from {} to {}: {}", name, value, low,
                  high, kAdvice);
    return result;
  }

  int number(const char* name, int low, int high, int otherwise) const {
    return has(name) ? number(name, low, high) : otherwise;
  }

 private:
  const Lookup& lookup_;
};

}  // namespace

WorkerEnvironment worker_environment(const Lookup& lookup) {
  const Lookup from_system = [](const char* name) { return std::getenv(name); };
  const Variables variables(lookup ? lookup : from_system);
  WorkerEnvironment result;
  if (!variables.has("RANK") && !variables.has("WORLD_SIZE")) return result;
  result.size = variables.number("WORLD_SIZE", 1, 65536);
  result.rank = variables.number("RANK", 0, result.size - 1);
  result.local_size = variables.number("LOCAL_WORLD_SIZE", 1, result.size, result.size);
  result.local_rank = variables.number("LOCAL_RANK", 0, result.local_size - 1, result.rank % result.local_size);
  if (result.size == 1) return result;
  result.address = variables.text("MASTER_ADDR");
  result.port = static_cast<uint16_t>(variables.number("MASTER_PORT", 1, 65535));
  result.timeout =
      std::chrono::seconds(variables.number("ODENET_TIMEOUT", 1, 86400, static_cast<int>(result.timeout.count())));
  // torchrun's conventions, https://github.com/pytorch/pytorch/blob/v2.11.0/torch/distributed/rendezvous.py
  result.store_runs =
      variables.has("TORCHELASTIC_USE_AGENT_STORE") && variables.text("TORCHELASTIC_USE_AGENT_STORE") == "True";
  result.attempt = variables.number("TORCHELASTIC_RESTART_COUNT", 0, 1 << 30, 0);
  return result;
}

}  // namespace odenet::train
