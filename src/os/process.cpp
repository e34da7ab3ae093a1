// SPDX-License-Identifier: Apache-2.0
#include "os/process.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <expected>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "os/fd.hpp"

extern char** environ;

namespace masq::os {
namespace {

using Clock = std::chrono::steady_clock;

struct Pipe {
  Fd read;
  Fd write;
};

Result<Pipe> open_pipe() {
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) return fail("pipe: {}", std::strerror(errno));
  return Pipe{Fd(ends[0]), Fd(ends[1])};
}

// Input and output of the program.
class Talk {
 public:
  Talk(Fd in, Fd out, Fd err, const std::string& input)
      : in_(std::move(in)), out_(std::move(out)), err_(std::move(err)), input_(input) {
    fcntl(in_.get(), F_SETFL, O_NONBLOCK);
  }

  // Runs until the program has closed its outputs. Returns false after the deadline.
  bool finish(Clock::time_point deadline, ProgramEnd& end) {
    while (out_ || err_) {
      if (sent_ == input_.size()) in_.reset();
      std::array<pollfd, 3> polled{{{out_.get(), POLLIN, 0}, {err_.get(), POLLIN, 0}, {in_.get(), POLLOUT, 0}}};
      const auto rest = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now()).count();
      if (rest <= 0) return false;
      if (poll(polled.data(), polled.size(), static_cast<int>(rest)) < 0 && errno != EINTR) return false;
      if (polled[0].revents != 0) take(out_, end.out);
      if (polled[1].revents != 0) take(err_, end.err);
      if (polled[2].revents != 0) send();
    }
    return true;
  }

 private:
  static void take(Fd& from, std::string& text) {
    std::array<char, 65536> buffer{};
    const auto size = read(from.get(), buffer.data(), buffer.size());
    if (size > 0) text.append(buffer.data(), static_cast<std::size_t>(size));
    if (size == 0 || (size < 0 && errno != EINTR)) from.reset();
  }
  void send() {
    const auto size = write(in_.get(), input_.data() + sent_, input_.size() - sent_);
    if (size > 0) sent_ += static_cast<std::size_t>(size);
    if (size < 0 && errno != EAGAIN && errno != EINTR) in_.reset();  // the program does not read the rest
  }

  Fd in_, out_, err_;
  const std::string& input_;
  std::size_t sent_ = 0;
};

// A program may end before it has read all its input. The caller evaluates its exit status; SIGPIPE must not end this
// process.
class BrokenPipesIgnored {
 public:
  BrokenPipesIgnored() {
    struct sigaction ignored{};
    ignored.sa_handler = SIG_IGN;
    sigaction(SIGPIPE, &ignored, &before_);
  }
  ~BrokenPipesIgnored() { sigaction(SIGPIPE, &before_, nullptr); }
  BrokenPipesIgnored(const BrokenPipesIgnored&) = delete;
  BrokenPipesIgnored& operator=(const BrokenPipesIgnored&) = delete;

 private:
  struct sigaction before_{};
};

Result<pid_t> spawn(const std::vector<std::string>& arguments, int in, int out, int err) {
  std::vector<char*> argv;
  for (const auto& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, in, STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, err, STDERR_FILENO);
  posix_spawnattr_t attributes;  // masqd blocks the signals that its event loop reads
  posix_spawnattr_init(&attributes);
  sigset_t none;
  sigemptyset(&none);
  posix_spawnattr_setsigmask(&attributes, &none);
  sigset_t as_usual;  // an ignored signal would stay ignored in the program
  sigemptyset(&as_usual);
  sigaddset(&as_usual, SIGPIPE);
  posix_spawnattr_setsigdefault(&attributes, &as_usual);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  pid_t pid = 0;
  const int failed = posix_spawnp(&pid, argv[0], &actions, &attributes, argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  if (failed != 0) return fail("{}: {}", arguments[0], std::strerror(failed));
  return pid;
}

int wait_for(pid_t pid) {
  int status = 0;
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

}  // namespace

Result<ProgramEnd> run_program(const std::vector<std::string>& arguments, const std::string& input,
                               std::chrono::milliseconds limit) {
  auto in = open_pipe(), out = open_pipe(), err = open_pipe();
  if (!in || !out || !err) return std::unexpected((!in ? in : !out ? out : err).error());
  const auto deadline = Clock::now() + limit;
  TRY(const auto pid, spawn(arguments, in->read.get(), out->write.get(), err->write.get()));
  in->read.reset();
  out->write.reset();
  err->write.reset();
  ProgramEnd end;
  const BrokenPipesIgnored for_this_talk;
  Talk talk(std::move(in->write), std::move(out->read), std::move(err->read), input);
  const bool finished = talk.finish(deadline, end);
  if (!finished) kill(pid, SIGKILL);
  end.status = wait_for(pid);
  if (!finished) return fail("{}: no exit within {} ms", arguments[0], limit.count());
  return end;
}

bool has_program(const std::string& name) {
  const char* const path = std::getenv("PATH");
  std::string_view rest = path == nullptr ? "/usr/sbin:/usr/bin:/sbin:/bin" : path;
  while (!rest.empty()) {
    const auto folder = rest.substr(0, rest.find(':'));
    if (access(fmt::format("{}/{}", folder, name).c_str(), X_OK) == 0) return true;
    rest.remove_prefix(std::min(rest.size(), folder.size() + 1));
  }
  return false;
}

}  // namespace masq::os
