#include "train/workers.h"

#include <gmock/gmock.h>
#include <torch/torch.h>

#include "support/expect_error.h"
#include "support/temporary_folder.h"
#include "train/worker_process.h"

namespace odenet::train {
namespace {

using ::testing::HasSubstr;

// workers_process playing a part.
class Process : public testing::WorkerProcess {
 public:
  Process(const std::string& part, int rank, int size, int port, int timeout, const std::filesystem::path& folder)
      : WorkerProcess(WORKERS_PROCESS, {part}, {rank, size, port, timeout}, folder / std::to_string(rank)) {}
};

class WorkersTest : public ::testing::Test {
 protected:
  void expect_all_succeed(const std::string& part, int size) {
    std::vector<std::unique_ptr<Process>> processes;
    for (int rank = 0; rank < size; ++rank)
      processes.push_back(std::make_unique<Process>(part, rank, size, port_, 60, folder_.path()));
    for (const auto& process : processes) EXPECT_EQ(process->result(), "ok\n");
  }

  testing::TemporaryFolder folder_;
  int port_ = testing::free_port();
};

TEST_F(WorkersTest, AverageIsTheExactMean) { expect_all_succeed("average", 2); }
TEST_F(WorkersTest, NanPassesThroughTheAverage) { expect_all_succeed("average_nan", 2); }
TEST_F(WorkersTest, BroadcastGivesAllTheValuesOfTheFirst) { expect_all_succeed("broadcast", 3); }
TEST_F(WorkersTest, SumsCounters) { expect_all_succeed("sum", 2); }

TEST_F(WorkersTest, AKilledProcessIsAnErrorInTheOther) {
  for (const int killed : {0, 1}) {
    const std::string part = fmt::format("lose_{}", killed);
    Process other(part, 1 - killed, 2, port_, 60, folder_.path()), process(part, killed, 2, port_, 60, folder_.path());
    EXPECT_THAT(other.result(),
                HasSubstr(fmt::format("rank {} of 2 lost another process while averaging gradients", 1 - killed)));
  }
}

TEST_F(WorkersTest, ASilentProcessIsAnErrorAfterTheTimeout) {
  Process first("silent", 0, 2, port_, 5, folder_.path()), second("silent", 1, 2, port_, 5, folder_.path());
  EXPECT_THAT(first.result(), HasSubstr("rank 0 of 2 lost another process while averaging gradients"));
}

TEST_F(WorkersTest, AMissingProcessIsAnErrorAfterTheTimeout) {
  for (const int rank : {0, 1}) {
    Process alone("sum", rank, 2, port_, 1, folder_.path());
    const std::string text = alone.result();
    EXPECT_THAT(text, HasSubstr(fmt::format("rank {} of 2 did not meet the other processes at 127.0.0.1:", rank)));
    EXPECT_THAT(text, HasSubstr("MASTER_PORT"));
  }
}

TEST_F(WorkersTest, SomethingElseAtThePortIsAnError) {
  testing::Port taken;
  taken.listen();
  for (const int rank : {0, 1}) {
    Process process("sum", rank, 2, taken.number(), 1, folder_.path());
    EXPECT_THAT(process.result(), HasSubstr(fmt::format("rank {} of 2 did not meet the other processes", rank)));
  }
}

TEST_F(WorkersTest, AnUnknownAddressIsAnError) {
  WorkerEnvironment environment;
  environment.rank = 1;
  environment.size = 2;
  environment.address = "no-such-host.invalid";
  environment.port = static_cast<uint16_t>(port_);
  environment.timeout = std::chrono::seconds(1);
  EXPECT_ERROR(Workers(environment, torch::kCPU), "MASTER_ADDR 'no-such-host.invalid'");
}

TEST(WorkersAlone, ChangeNothing) {
  Workers workers(WorkerEnvironment{}, torch::kCPU);
  EXPECT_EQ(workers.size(), 1);
  EXPECT_TRUE(workers.is_first());
  const auto values = torch::arange(5, torch::kFloat32);
  workers.broadcast(values);
  workers.average(values);
  EXPECT_TRUE(torch::equal(values, torch::arange(5, torch::kFloat32)));
  std::array<double, 2> counters{1, 2};
  workers.sum(counters);
  EXPECT_EQ(counters, (std::array<double, 2>{1, 2}));
  workers.barrier();
}

}  // namespace
}  // namespace odenet::train
