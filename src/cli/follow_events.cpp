// SPDX-License-Identifier: Apache-2.0
#include "cli/follow_events.hpp"

#include <sys/epoll.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <utility>

#include "base/result.hpp"
#include "cli/agent_events.hpp"
#include "cli/command.hpp"
#include "datapath/backends.hpp"
#include "datapath/event.hpp"
#include "datapath/event_source.hpp"
#include "os/event_loop.hpp"
#include "os/timers.hpp"

namespace masq::cli {
namespace {

// A masqd that restarts is back within this time; later, the kernel's events are read.
constexpr auto time_for_restart = std::chrono::seconds(3);
constexpr auto retry_pause = std::chrono::milliseconds(100);

class Follower {
 public:
  Follower(os::EventLoop& loop, std::filesystem::path socket, std::filesystem::path bpf_root, const EventTypes& types,
           const EventListener& listener)
      : loop_(loop),
        socket_(std::move(socket)),
        bpf_root_(std::move(bpf_root)),
        types_(types),
        listener_(listener),
        second_(loop),
        retry_(loop) {}

  Result<void> run() {
    if (auto done = open_source(false); !done) return done;
    pass_second();
    if (auto done = loop_.run(); !done) return done;
    return failure_;
  }

 private:
  // `wait`: masqd has just ended, and may come back.
  Result<void> open_source(bool wait) {
    TRY(auto agent, AgentEvents::open(socket_, types_));
    agent_ = agent.get();
    if (agent_ != nullptr) return watch(std::move(agent));
    if (wait && loop_.now() < ended_at_ + time_for_restart) {
      retry_.start(retry_pause, [this] { reopen(); });
      return {};
    }
    TRY(auto kernel, open_event_source(bpf_root_, types_));
    return watch(std::move(kernel));
  }

  Result<void> watch(std::unique_ptr<EventSource> source) {
    source_ = std::move(source);
    source_->renew(types_);
    TRY(arrivals_, loop_.watch(source_->fd(), EPOLLIN, [this](std::uint32_t) { take(); }));
    return {};
  }

  void take() {
    source_->take([this](const Event& event) {
      if (has_type(types_, event.type)) listener_.event(event);
    });
    if (agent_ == nullptr || !agent_->has_ended()) return;
    arrivals_.stop();
    source_.reset();
    ended_at_ = loop_.now();
    reopen();
  }

  void reopen() {
    failure_ = open_source(true);
    if (!failure_) loop_.stop();
  }

  void pass_second() {
    listener_.second_passed(source_ ? source_->renew(types_) : 0);
    second_.start(std::chrono::seconds(1), [this] { pass_second(); });
  }

  os::EventLoop& loop_;
  std::filesystem::path socket_;
  std::filesystem::path bpf_root_;
  const EventTypes& types_;
  const EventListener& listener_;
  std::unique_ptr<EventSource> source_;
  AgentEvents* agent_ = nullptr;  // the same source, if it is masqd's
  os::EventLoop::Watch arrivals_;
  os::Timer second_;
  os::Timer retry_;
  os::EventLoop::Clock::time_point ended_at_{};
  Result<void> failure_;
};

}  // namespace

Result<void> follow_events(const std::filesystem::path& socket, const std::filesystem::path& bpf_root,
                           const EventTypes& types, const EventListener& listener) {
  TRY(auto loop, os::EventLoop::open());
  if (auto done = loop->on_signals({SIGINT, SIGTERM, SIGHUP}, [&](int) { loop->stop(); }); !done) return done;
  // Detects a closed reader while no events occur. A file cannot be watched, and is never closed.
  auto reader = loop->watch(STDOUT_FILENO, 0, [&](std::uint32_t) { loop->stop(); });
  return Follower(*loop, socket, bpf_root, types, listener).run();
}

}  // namespace masq::cli
