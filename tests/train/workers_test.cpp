#include "train/workers.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <torch/torch.h>
#include <unistd.h>

#include "core/file.h"
#include "support/expect_error.h"
#include "support/temporary_folder.h"

namespace odenet::train {
namespace {

using ::testing::HasSubstr;

// A socket at a port of 127.0.0.1 that was free.
class Port {
 public:
  Port() {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    auto* const pointer = reinterpret_cast<sockaddr*>(&address);
    if (::bind(socket_, pointer, length) != 0 || ::getsockname(socket_, pointer, &length) != 0)
      throw std::runtime_error("no free port on 127.0.0.1");
    number_ = ntohs(address.sin_port);
  }
  ~Port() { ::close(socket_); }
  Port(const Port&) = delete;
  Port& operator=(const Port&) = delete;

  int number() const { return number_; }
  void listen() { ASSERT_EQ(::listen(socket_, 8), 0); }

 private:
  int socket_ = ::socket(AF_INET, SOCK_STREAM, 0);
  int number_ = 0;
};

int free_port() { return Port().number(); }

// workers_process in a process of its own, killed with the object.
class Process {
 public:
  Process(const std::string& part, int rank, int size, int port, int timeout, const std::filesystem::path& folder)
      : output_(folder / std::to_string(rank)) {
    const std::vector<std::string> variables{"RANK=" + std::to_string(rank), "WORLD_SIZE=" + std::to_string(size),
                                             "MASTER_ADDR=127.0.0.1", "MASTER_PORT=" + std::to_string(port),
                                             "ODENET_TIMEOUT=" + std::to_string(timeout)};
    std::vector<char*> environment, arguments;
    for (const auto& variable : variables) environment.push_back(const_cast<char*>(variable.c_str()));
    for (char** variable = environ; *variable != nullptr; ++variable) environment.push_back(*variable);
    environment.push_back(nullptr);
    for (const char* argument : {WORKERS_PROCESS, part.c_str()}) arguments.push_back(const_cast<char*>(argument));
    arguments.push_back(nullptr);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, output_.c_str(), O_WRONLY | O_CREAT, 0600);
    const int code = ::posix_spawn(&pid_, WORKERS_PROCESS, &actions, nullptr, arguments.data(), environment.data());
    posix_spawn_file_actions_destroy(&actions);
    if (code != 0) throw std::runtime_error("cannot start " WORKERS_PROCESS);
  }
  ~Process() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  // What it printed; it ended by itself.
  std::string result() {
    int status = 0;
    ::waitpid(std::exchange(pid_, 0), &status, 0);
    EXPECT_TRUE(WIFEXITED(status)) << "ended by signal " << WTERMSIG(status);
    return read_text_file(output_);
  }

 private:
  std::filesystem::path output_;
  pid_t pid_ = 0;
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
  int port_ = free_port();
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
  Port taken;
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
