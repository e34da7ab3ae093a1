// SPDX-License-Identifier: Apache-2.0
#include "os/child_task.hpp"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "base/result.hpp"
#include "os/event_loop.hpp"
#include "os/fd.hpp"

namespace masq::os {
namespace {

constexpr int first_free_descriptor = 3;

std::chrono::microseconds cpu_time(const rusage& usage) {
  using std::chrono::microseconds, std::chrono::seconds;
  return seconds(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
         microseconds(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

bool write_all(int fd, const std::string& text) {
  for (std::size_t sent = 0; sent < text.size();) {
    const auto size = write(fd, text.data() + sent, text.size() - sent);
    if (size < 0 && errno != EINTR) return false;
    if (size > 0) sent += static_cast<std::size_t>(size);
  }
  return true;
}

// The locks and sockets of the parent must not outlive it.
[[noreturn]] void run_child(pid_t parent, int output, const std::function<std::string()>& work) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(1);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  if (dup2(output, first_free_descriptor) < 0) _exit(1);
  close_range(first_free_descriptor + 1, ~0U, 0);
  setpriority(PRIO_PROCESS, 0, 10);
  try {
    _exit(write_all(first_free_descriptor, work()) ? 0 : 1);
  } catch (...) {  // it must not reach the parent's event loop, which would then run twice
    _exit(1);
  }
}

}  // namespace

Result<std::unique_ptr<ChildTask>> ChildTask::start(EventLoop& loop, const std::function<std::string()>& work,
                                                    std::chrono::milliseconds limit, Done done) {
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) return fail("pipe: {}", std::strerror(errno));
  Fd output(ends[0]);
  const Fd input(ends[1]);
  const auto parent = getpid();
  const auto pid = fork();
  if (pid < 0) return fail("fork: {}", std::strerror(errno));
  if (pid == 0) run_child(parent, input.get(), work);
  std::unique_ptr<ChildTask> task(new ChildTask(loop, pid, std::move(output), std::move(done)));
  fcntl(task->output_.get(), F_SETFL, O_NONBLOCK);
  TRY(task->watch_, loop.watch(task->output_.get(), EPOLLIN, [raw = task.get()](std::uint32_t) { raw->read_some(); }));
  task->deadline_.start(limit,
                        [raw = task.get(), limit] { raw->finish(fail("no result within {} ms", limit.count())); });
  return task;
}

ChildTask::~ChildTask() {
  kill_and_wait();
}

void ChildTask::read_some() {
  std::array<char, 65536> buffer{};
  const auto size = read(output_.get(), buffer.data(), buffer.size());
  if (size > 0) text_.append(buffer.data(), static_cast<std::size_t>(size));
  if (size > 0 || (size < 0 && (errno == EAGAIN || errno == EINTR))) return;
  finish(std::move(text_));
}

// Returns the status of the process.
int ChildTask::wait() {
  int status = 0;
  rusage usage{};
  while (wait4(pid_, &status, 0, &usage) < 0 && errno == EINTR) {
  }
  pid_ = 0;
  cpu_ = cpu_time(usage);
  return status;
}

void ChildTask::kill_and_wait() {
  if (pid_ == 0) return;
  kill(pid_, SIGKILL);
  wait();
}

// The object may be deleted by `done`.
void ChildTask::finish(Result<std::string> result) {
  watch_.stop();
  deadline_.stop();
  if (!result) kill_and_wait();
  if (pid_ != 0)  // it closes its output at its exit only
    if (const int status = wait(); status != 0) result = fail("the process ended with status {}", status);
  const auto done = std::move(done_);
  done(std::move(result), cpu_);
}

}  // namespace masq::os
