#include "core/process.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <sstream>

#include "core/error.h"
#include "core/file.h"

extern char** environ;

namespace odenet {
namespace fs = std::filesystem;

namespace {

constexpr size_t kTail = 2000;  // characters of a log that an error message shows

class FileActions {
 public:
  FileActions() { ::posix_spawn_file_actions_init(&actions_); }
  ~FileActions() { ::posix_spawn_file_actions_destroy(&actions_); }
  FileActions(const FileActions&) = delete;
  FileActions& operator=(const FileActions&) = delete;
  posix_spawn_file_actions_t* get() { return &actions_; }

 private:
  posix_spawn_file_actions_t actions_;
};

std::string tail_of(const fs::path& log) {
  const std::string text = read_text_file(log);
  return text.size() <= kTail ? text : "..." + text.substr(text.size() - kTail);
}

}  // namespace

void require_tool(const std::string& tool, const std::string& package) {
  const char* path = std::getenv("PATH");
  std::istringstream folders(path ? path : "");
  for (std::string folder; std::getline(folders, folder, ':');)
    if (::access((fs::path(folder) / tool).c_str(), X_OK) == 0) return;
  throw Error("{} is missing; install it with: apt-get install {}", tool, package);
}

void run_process(const std::vector<std::string>& command, const fs::path& folder, const fs::path& log) {
  const std::string log_path = fs::absolute(log).string();
  FileActions actions;
  ::posix_spawn_file_actions_addopen(actions.get(), STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  ::posix_spawn_file_actions_addopen(actions.get(), STDOUT_FILENO, log_path.c_str(), O_WRONLY | O_CREAT | O_TRUNC,
                                     0644);
  ::posix_spawn_file_actions_adddup2(actions.get(), STDOUT_FILENO, STDERR_FILENO);
  ::posix_spawn_file_actions_addchdir_np(actions.get(), folder.c_str());

  std::vector<char*> arguments;
  for (const std::string& argument : command) arguments.push_back(const_cast<char*>(argument.c_str()));
  arguments.push_back(nullptr);
  pid_t process = 0;
  const int code = ::posix_spawnp(&process, arguments[0], actions.get(), nullptr, arguments.data(), environ);
  if (code != 0) throw Error("cannot run {} in {}: {}", command[0], folder.string(), std::strerror(code));
  int status = 0;
  while (::waitpid(process, &status, 0) < 0)
    if (errno != EINTR) throw Error("cannot wait for {}: {}", command[0], std::strerror(errno));
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return;
  const std::string how = WIFEXITED(status) ? fmt::format("exit status {}", WEXITSTATUS(status))
                                            : fmt::format("signal {}", WTERMSIG(status));
  throw Error("{} failed in {} ({}):\n{}", fmt::join(command, " "), folder.string(), how, tail_of(log));
}

}  // namespace odenet
