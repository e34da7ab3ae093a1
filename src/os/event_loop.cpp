// SPDX-License-Identifier: Apache-2.0
#include "os/event_loop.hpp"

#include <sys/epoll.h>
#include <sys/signalfd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstring>
#include <exception>
#include <functional>
#include <initializer_list>
#include <limits>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "base/result.hpp"

namespace masq::os {
namespace {

constexpr EventLoop::Clock::duration forever = std::chrono::hours(1);

// A descriptor whose callback fails stays ready. Failing again and again must not take the whole CPU.
constexpr auto pause_after_exception = std::chrono::milliseconds(10);

}  // namespace

EventLoop::Watch::Watch(Watch&& other) noexcept
    : loop_(std::exchange(other.loop_, nullptr)), id_(std::exchange(other.id_, 0)) {}

EventLoop::Watch& EventLoop::Watch::operator=(Watch&& other) noexcept {
  if (this == &other) return *this;
  stop();
  loop_ = std::exchange(other.loop_, nullptr);
  id_ = std::exchange(other.id_, 0);
  return *this;
}

Result<void> EventLoop::Watch::change(std::uint32_t events) {
  if (!loop_) return fail("epoll: nothing is watched");
  epoll_event event{.events = events, .data = {.u64 = id_}};
  if (epoll_ctl(loop_->epoll_.get(), EPOLL_CTL_MOD, loop_->watched_.at(id_)->fd, &event) != 0)
    return fail("epoll: {}", std::strerror(errno));
  return {};
}

void EventLoop::Watch::stop() {
  if (!loop_) return;
  const auto found = loop_->watched_.find(id_);
  if (found != loop_->watched_.end()) {
    epoll_ctl(loop_->epoll_.get(), EPOLL_CTL_DEL, found->second->fd, nullptr);
    loop_->watched_.erase(found);
  }
  loop_ = nullptr;
}

Result<std::unique_ptr<EventLoop>> EventLoop::open() {
  Fd epoll(epoll_create1(EPOLL_CLOEXEC));
  if (!epoll) return fail("epoll_create: {}", std::strerror(errno));
  return std::unique_ptr<EventLoop>(new EventLoop(std::move(epoll)));
}

EventLoop::~EventLoop() {
  signal_watch_.stop();
}

Result<EventLoop::Watch> EventLoop::watch(int fd, std::uint32_t events, Ready ready) {
  // The event contains an id instead of the descriptor, because a descriptor number may be closed and reused within one
  // round of events.
  const std::uint64_t id = ++last_id_;
  epoll_event event{.events = events, .data = {.u64 = id}};
  if (epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0)
    return fail("epoll: watch descriptor {}: {}", fd, std::strerror(errno));
  watched_.emplace(id, std::make_shared<Watched>(fd, std::move(ready)));
  return Watch(this, id);
}

Result<void> EventLoop::on_signals(std::initializer_list<int> signals, std::function<void(int)> arrived) {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : signals) sigaddset(&set, signal);
  if (sigprocmask(SIG_BLOCK, &set, nullptr) != 0) return fail("sigprocmask: {}", std::strerror(errno));
  signals_.reset(signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC));
  if (!signals_) return fail("signalfd: {}", std::strerror(errno));
  TRY(signal_watch_, watch(signals_.get(), EPOLLIN, [this, arrived = std::move(arrived)](std::uint32_t) {
        signalfd_siginfo info{};
        while (read(signals_.get(), &info, sizeof info) == sizeof info) arrived(static_cast<int>(info.ssi_signo));
      }));
  return {};
}

EventLoop::Id EventLoop::call_after(Clock::duration delay, std::function<void()> alarm) {
  const Id id = ++last_id_;
  alarms_.emplace(now() + delay, Alarm{id, std::move(alarm)});
  return id;
}

void EventLoop::cancel(Id id) {
  std::erase_if(alarms_, [id](const auto& entry) { return entry.second.id == id; });
}

Result<void> EventLoop::run() {
  running_ = true;
  while (running_) TRY_DO(run_once(forever));
  return {};
}

// Limits the wait to the nearest alarm, rounded up so that the alarm is due when the wait ends.
int EventLoop::milliseconds_to_wait(Clock::duration limit) const {
  if (!alarms_.empty()) limit = std::min(limit, alarms_.begin()->first - now());
  const auto milliseconds = std::chrono::ceil<std::chrono::milliseconds>(limit).count();
  return static_cast<int>(std::clamp<std::int64_t>(milliseconds, 0, std::numeric_limits<int>::max()));
}

void EventLoop::ring_alarms() {
  // Alarms that are set by a due alarm wait for the next round, so that descriptors are handled first.
  const auto due = now();
  while (!alarms_.empty() && alarms_.begin()->first <= due) {
    auto alarm = alarms_.extract(alarms_.begin());
    guard(alarm.mapped().ring);
  }
}

// Returns false if there is no memory to report it.
bool EventLoop::report(const std::exception& error) const {
  try {
    caught_(error.what());
    return true;
  } catch (const std::exception&) {
    return false;
  }
}

void EventLoop::guard(const std::function<void()>& callback) {
  if (!caught_) return callback();
  try {
    callback();
  } catch (const std::exception& error) {
    (void)report(error);
    std::this_thread::sleep_for(pause_after_exception);
  }
}

Result<void> EventLoop::run_once(Clock::duration limit) {
  std::array<epoll_event, 64> events;
  const int count =
      epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), milliseconds_to_wait(limit));
  if (count < 0 && errno != EINTR) return fail("epoll_wait: {}", std::strerror(errno));
  for (int i = 0; i < count; ++i) {
    const auto found = watched_.find(events[static_cast<std::size_t>(i)].data.u64);
    if (found == watched_.end()) continue;  // ended by an earlier callback
    const auto watched = found->second;     // stays valid during the call, even if the watch ends itself
    guard([&] { watched->ready(events[static_cast<std::size_t>(i)].events); });
  }
  ring_alarms();
  return {};
}

}  // namespace masq::os
