// SPDX-License-Identifier: Apache-2.0
#include "os/process.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <cstring>
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

int milliseconds_until(Clock::time_point deadline) {
  return static_cast<int>(std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now()).count());
}

constexpr unsigned not_executable = 0x8;  // MFD_NOEXEC_SEAL, since Linux 6.3

// A file in memory, and no pipe: a program never reads a part of its input and then its end, also when this process is
// killed. nft would execute the part.
Result<Fd> file_with(const std::string& input) {
  Fd file(memfd_create("input", MFD_CLOEXEC | not_executable));
  if (!file) file.reset(memfd_create("input", MFD_CLOEXEC));
  if (!file) return fail("memfd_create: {}", std::strerror(errno));
  for (std::size_t written = 0; written < input.size();) {
    const auto size = write(file.get(), input.data() + written, input.size() - written);
    if (size < 0 && errno != EINTR) return fail("write the input of a program: {}", std::strerror(errno));
    if (size > 0) written += static_cast<std::size_t>(size);
  }
  lseek(file.get(), 0, SEEK_SET);
  return file;
}

// The outputs of the program.
class Outputs {
 public:
  Outputs(Fd out, Fd err) : out_(std::move(out)), err_(std::move(err)) {}

  // Reads until the program has closed them. Returns false after the deadline.
  bool read_all(Clock::time_point deadline, ProgramEnd& end) {
    while (out_ || err_) {
      std::array<pollfd, 2> polled{{{out_.get(), POLLIN, 0}, {err_.get(), POLLIN, 0}}};
      const int rest = milliseconds_until(deadline);
      if (rest <= 0) return false;
      if (poll(polled.data(), polled.size(), rest) < 0 && errno != EINTR) return false;
      if (polled[0].revents != 0) take(out_, end.out);
      if (polled[1].revents != 0) take(err_, end.err);
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

  Fd out_, err_;
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

// A program can close its outputs and go on.
bool ends_before(Clock::time_point deadline, pid_t pid) {
  const Fd process(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
  if (!process) return true;
  pollfd polled{process.get(), POLLIN, 0};
  int ready = -1;
  while (ready < 0) {
    ready = poll(&polled, 1, std::max(milliseconds_until(deadline), 0));
    if (ready < 0 && errno != EINTR) return true;
  }
  return ready > 0;
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
  TRY(const auto in, file_with(input));
  TRY(auto out, open_pipe());
  TRY(auto err, open_pipe());
  const auto deadline = Clock::now() + limit;
  TRY(const auto pid, spawn(arguments, in.get(), out.write.get(), err.write.get()));
  out.write.reset();
  err.write.reset();
  ProgramEnd end;
  const bool finished =
      Outputs(std::move(out.read), std::move(err.read)).read_all(deadline, end) && ends_before(deadline, pid);
  if (!finished) kill(pid, SIGKILL);
  end.status = wait_for(pid);
  if (!finished) return fail("{}: no exit within {} ms", arguments[0], limit.count());
  return end;
}

std::string first_line(std::string_view output) {
  constexpr std::size_t max_length = 300;
  std::string line(output.substr(0, std::min(output.find('\n'), max_length)));
  std::ranges::replace_if(line, [](char c) { return c < ' ' || c > '~'; }, '?');
  return line;
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
