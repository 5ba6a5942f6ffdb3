#include "train/workers.h"

#include <netdb.h>
#include <sys/socket.h>
#include <torch/version.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <future>
#include <thread>
#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>
#if defined(USE_C10D_NCCL) && __has_include(<nccl.h>)
#define ODENET_NCCL
#include <torch/csrc/distributed/c10d/ProcessGroupNCCL.hpp>
#endif

#include "core/error.h"

namespace odenet::train {

namespace {

#if TORCH_VERSION_MAJOR >= 2
using Group = c10d::Backend;
#else
using Group = c10d::ProcessGroup;
#endif
using GroupPointer = c10::intrusive_ptr<Group>;
using StorePointer = c10::intrusive_ptr<c10d::Store>;
using WorkPointer = c10::intrusive_ptr<c10d::Work>;

// Large enough that the cost per message does not count, small enough that several are on their way at a time.
constexpr int64_t kBucketBytes = int64_t{1} << 20;

// The first line of what LibTorch says; its backtraces help nobody here.
std::string reason(const std::exception& error) {
  const auto* libtorch = dynamic_cast<const c10::Error*>(&error);
  const std::string text = libtorch != nullptr ? libtorch->what_without_backtrace() : error.what();
  return text.substr(0, text.find('\n'));
}

// The address by which this machine reaches rank 0, hence, on its own network, the others: by default Gloo takes what
// the host's name resolves to, on many machines an address that only they can reach.
std::string own_address(const WorkerEnvironment& environment) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_DGRAM;
  addrinfo* found = nullptr;
  const int code = ::getaddrinfo(environment.address.c_str(), std::to_string(environment.port).c_str(), &hints, &found);
  if (code != 0) throw Error("MASTER_ADDR '{}' is unknown: {}", environment.address, ::gai_strerror(code));
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> addresses(found, ::freeaddrinfo);
  for (const addrinfo* address = found; address != nullptr; address = address->ai_next) {
    const int socket = ::socket(address->ai_family, SOCK_DGRAM, 0);
    if (socket < 0) continue;
    sockaddr_storage own{};
    socklen_t length = sizeof own;
    auto* const own_pointer = reinterpret_cast<sockaddr*>(&own);
    // Connecting a datagram socket sends nothing; it only chooses the route.
    const bool routed = ::connect(socket, address->ai_addr, address->ai_addrlen) == 0 &&
                        ::getsockname(socket, own_pointer, &length) == 0;
    ::close(socket);
    char text[NI_MAXHOST];
    if (routed && ::getnameinfo(own_pointer, length, text, sizeof text, nullptr, 0, NI_NUMERICHOST) == 0) return text;
  }
  throw Error("there is no route to MASTER_ADDR '{}'", environment.address);
}

StorePointer make_store(const WorkerEnvironment& environment) {
  c10d::TCPStoreOptions options;
  options.port = environment.port;
  options.timeout = environment.timeout;
  if (environment.store_runs) {
    options.waitWorkers = false;
  } else {
    options.isServer = environment.rank == 0;
    options.numWorkers = static_cast<size_t>(environment.size);
  }
  // In a thread that can be left behind: where something else listens at that port, or a store of another LibTorch, the
  // client may wait for its answer without end.
  std::packaged_task<StorePointer()> connect([address = environment.address, options] {
    return StorePointer(c10::make_intrusive<c10d::TCPStore>(address, options));
  });
  auto store = connect.get_future();
  std::thread(std::move(connect)).detach();
  if (store.wait_for(environment.timeout + std::chrono::seconds(1)) != std::future_status::ready)
    throw std::runtime_error("what listens there does not answer as LibTorch's store does");
  return c10::make_intrusive<c10d::PrefixStore>(fmt::format("odenet/{}", environment.attempt), store.get());
}

GroupPointer make_gloo(const WorkerEnvironment& environment, const StorePointer& store, const std::string& address) {
  using Gloo = c10d::ProcessGroupGloo;
  const auto options = Gloo::Options::create(environment.timeout);
  const char* interface = std::getenv("GLOO_SOCKET_IFNAME");
  options->devices = {interface != nullptr ? Gloo::createDeviceForInterface(interface)
                                           : Gloo::createDeviceForHostname(address)};
  options->threads = 2;
  return c10::make_intrusive<Gloo>(c10::make_intrusive<c10d::PrefixStore>("gloo", store), environment.rank,
                                   environment.size, options);
}

// Null where Gloo has to do.
GroupPointer make_nccl([[maybe_unused]] const WorkerEnvironment& environment,
                       [[maybe_unused]] const StorePointer& store, [[maybe_unused]] const torch::Device& device) {
#ifdef ODENET_NCCL
  if (device.is_cuda()) {
    // Without it, a lost process ends this one from a thread of LibTorch's, with no word to the user.
    ::setenv("TORCH_NCCL_BLOCKING_WAIT", "1", 0);
    const auto options = c10d::ProcessGroupNCCL::Options::create();
    options->timeout = environment.timeout;
    return c10::make_intrusive<c10d::ProcessGroupNCCL>(c10::make_intrusive<c10d::PrefixStore>("nccl", store),
                                                       environment.rank, environment.size, options);
  }
#endif
  return {};
}

}  // namespace

struct Workers::Groups {
  StorePointer store;
  GroupPointer gloo, nccl;
  std::vector<WorkPointer> works;       // on their way
  std::vector<torch::Tensor> averages;  // to be divided when these have arrived

  Group& of(const torch::Tensor& values) const { return values.is_cuda() && nccl ? *nccl : *gloo; }

  // Waits for all that is on its way. The first failure is reported once nothing touches the tensors any more.
  void wait(const WorkerEnvironment& environment, std::string_view what) {
    std::string failure;
    for (const WorkPointer& work : std::exchange(works, {})) {
      try {
        work->wait();
      } catch (const std::exception& error) {
        if (failure.empty()) failure = reason(error);
      }
    }
    if (!failure.empty()) lost(environment, what, failure);
  }

  [[noreturn]] static void lost(const WorkerEnvironment& environment, std::string_view what, std::string_view why) {
    throw Error(
        "rank {} of {} lost another process while {}: it ended, or was silent for {} s ({}); see what that process "
        "says, then start all of them again",
        environment.rank, environment.size, what, environment.timeout.count(), why);
  }

  template <typename Start>
  void start(const WorkerEnvironment& environment, std::string_view what, const Start& begin) {
    try {
      works.push_back(begin());
    } catch (const std::exception& error) {
      lost(environment, what, reason(error));
    }
  }
};

Workers::Workers(const WorkerEnvironment& environment, const torch::Device& device) : environment_(environment) {
  if (size() == 1) return;
  std::signal(SIGPIPE, SIG_IGN);  // writing to a process that is gone is to be an error, not this one's silent end
  groups_ = std::make_unique<Groups>();
  const std::string address = own_address(environment);
  try {
    groups_->store = make_store(environment);
    groups_->gloo = make_gloo(environment, groups_->store, address);
    groups_->nccl = make_nccl(environment, groups_->store, device);
  } catch (const std::exception& error) {
    throw Error(
        "rank {} of {} did not meet the other processes at {}:{} within {} s: {}; start all of them with the same "
        "MASTER_ADDR and MASTER_PORT, a port that is free there and reachable from here",
        rank(), size(), environment.address, environment.port, environment.timeout.count(), reason(error));
  }
}

Workers::Workers() = default;
Workers::~Workers() = default;
Workers::Workers(Workers&&) noexcept = default;
Workers& Workers::operator=(Workers&&) noexcept = default;

void Workers::broadcast(const torch::Tensor& values) {
  if (!groups_) return;
  std::vector<torch::Tensor> tensors{values};
  constexpr std::string_view what = "receiving the first process's values";
  groups_->start(environment_, what, [&] { return groups_->of(values).broadcast(tensors); });
  groups_->wait(environment_, what);
}

void Workers::average(const torch::Tensor& values) {
  start_average(values);
  finish_average();
}

void Workers::start_average(const torch::Tensor& values) {
  if (!groups_) return;
  const auto flat = values.view(-1);
  const int64_t bucket = kBucketBytes / flat.element_size();
  for (int64_t begin = 0; begin < flat.numel(); begin += bucket) {
    std::vector<torch::Tensor> tensors{flat.narrow(0, begin, std::min(bucket, flat.numel() - begin))};
    groups_->start(environment_, "averaging gradients", [&] { return groups_->of(flat).allreduce(tensors); });
  }
  groups_->averages.push_back(flat);
}

void Workers::finish_average() {
  if (!groups_) return;
  groups_->wait(environment_, "averaging gradients");
  for (torch::Tensor& values : std::exchange(groups_->averages, {})) values.div_(size());
}

void Workers::sum(std::span<double> counters) {
  if (!groups_) return;
  std::vector<torch::Tensor> tensors{torch::empty({static_cast<int64_t>(counters.size())}, torch::kFloat64)};
  std::copy(counters.begin(), counters.end(), tensors[0].data_ptr<double>());
  groups_->start(environment_, "summing counters", [&] { return groups_->gloo->allreduce(tensors); });
  groups_->wait(environment_, "summing counters");
  std::copy_n(tensors[0].data_ptr<double>(), counters.size(), counters.begin());
}

void Workers::barrier() {
  if (!groups_) return;
  groups_->start(environment_, "waiting for it", [&] { return groups_->gloo->barrier(); });
  groups_->wait(environment_, "waiting for it");
}

}  // namespace odenet::train
