#include "train/worker_environment.h"

#include <gtest/gtest.h>

#include <map>

#include "support/expect_error.h"

namespace odenet::train {
namespace {

using Variables = std::map<std::string, std::string>;

const Variables kSecondOfTwo{{"RANK", "1"}, {"WORLD_SIZE", "2"}, {"MASTER_ADDR", "10.0.0.1"}, {"MASTER_PORT", "29500"}};

WorkerEnvironment from(const Variables& variables) {
  return worker_environment([&](const char* name) {
    const auto found = variables.find(name);
    return found == variables.end() ? nullptr : found->second.c_str();
  });
}

WorkerEnvironment with(const std::string& name, const std::string& value) {
  Variables variables = kSecondOfTwo;
  variables[name] = value;
  return from(variables);
}

WorkerEnvironment without(const std::string& name) {
  Variables variables = kSecondOfTwo;
  variables.erase(name);
  return from(variables);
}

TEST(WorkerEnvironment, WithoutVariablesThereIsOneProcess) {
  const WorkerEnvironment environment = from({});
  EXPECT_EQ(environment.rank, 0);
  EXPECT_EQ(environment.size, 1);
  EXPECT_EQ(from({{"MASTER_ADDR", "10.0.0.1"}}).size, 1) << "left over from something else";
}

TEST(WorkerEnvironment, OneProcessNeedsNoAddress) { EXPECT_EQ(from({{"RANK", "0"}, {"WORLD_SIZE", "1"}}).size, 1); }

TEST(WorkerEnvironment, TakesTheVariables) {
  const WorkerEnvironment environment = from(kSecondOfTwo);
  EXPECT_EQ(environment.rank, 1);
  EXPECT_EQ(environment.size, 2);
  EXPECT_EQ(environment.local_rank, 1) << "all on one machine";
  EXPECT_EQ(environment.local_size, 2);
  EXPECT_EQ(environment.address, "10.0.0.1");
  EXPECT_EQ(environment.port, 29500);
  EXPECT_FALSE(environment.store_runs);
  EXPECT_EQ(with("LOCAL_RANK", "0").local_rank, 0);
  EXPECT_EQ(with("LOCAL_WORLD_SIZE", "1").local_size, 1);
  EXPECT_EQ(with("LOCAL_WORLD_SIZE", "1").local_rank, 0) << "each on a machine of its own";
  EXPECT_EQ(with("ODENET_TIMEOUT", "7").timeout, std::chrono::seconds(7));
}

TEST(WorkerEnvironment, TakesTheStoreOfTorchrun) {
  EXPECT_TRUE(with("TORCHELASTIC_USE_AGENT_STORE", "True").store_runs);
  EXPECT_FALSE(with("TORCHELASTIC_USE_AGENT_STORE", "False").store_runs);
  EXPECT_EQ(with("TORCHELASTIC_RESTART_COUNT", "3").attempt, 3);
}

TEST(WorkerEnvironment, AMissingVariableIsAnErrorThatNamesAll) {
  for (const auto& [name, value] : kSecondOfTwo)
    EXPECT_ERROR(without(name), name + " is not set", "RANK, WORLD_SIZE, MASTER_ADDR and MASTER_PORT", "torchrun");
  EXPECT_ERROR(with("MASTER_ADDR", ""), "MASTER_ADDR is not set");
}

TEST(WorkerEnvironment, AMalformedVariableIsAnErrorThatSaysWhatIsExpected) {
  struct Case {
    std::string name, value, expected;
  };
  for (const Case& c : {Case{"RANK", "2", "from 0 to 1"},
                        {"RANK", "-1", "from 0 to 1"},
                        {"RANK", "one", "from 0 to 1"},
                        {"WORLD_SIZE", "0", "from 1 to"},
                        {"WORLD_SIZE", "2x", "from 1 to"},
                        {"MASTER_PORT", "0", "from 1 to 65535"},
                        {"MASTER_PORT", "65536", "from 1 to 65535"},
                        {"MASTER_PORT", "http", "from 1 to 65535"},
                        {"LOCAL_RANK", "2", "from 0 to 1"},
                        {"LOCAL_WORLD_SIZE", "3", "from 1 to 2"},
                        {"ODENET_TIMEOUT", "0", "from 1 to"},
                        {"TORCHELASTIC_RESTART_COUNT", "x", "from 0 to"}})
    EXPECT_ERROR(with(c.name, c.value), c.name + " is '" + c.value + "', expected a whole number " + c.expected);
}

}  // namespace
}  // namespace odenet::train
