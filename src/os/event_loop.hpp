// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <exception>
#include <functional>
#include <initializer_list>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "base/result.hpp"
#include "os/fd.hpp"
#include "os/timers.hpp"

namespace masq::os {

// The event loop of a program: descriptors, alarms and signals in one thread. Callbacks must not block.
class EventLoop final : public Timers {
 public:
  using Ready = std::function<void(std::uint32_t events)>;  // EPOLLIN, EPOLLOUT, …

  static Result<std::unique_ptr<EventLoop>> open();
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;
  ~EventLoop() override;

  // During its lifetime, `ready` is called when `fd` is ready. It does not own the descriptor, which must be closed
  // later.
  class Watch {
   public:
    Watch() = default;
    Watch(Watch&& other) noexcept;
    Watch& operator=(Watch&& other) noexcept;
    ~Watch() { stop(); }
    Result<void> change(std::uint32_t events);
    void stop();

   private:
    friend EventLoop;
    Watch(EventLoop* loop, std::uint64_t id) : loop_(loop), id_(id) {}
    EventLoop* loop_ = nullptr;
    std::uint64_t id_ = 0;
  };
  // Level-triggered. A watch may end itself or another watch from its callback.
  Result<Watch> watch(int fd, std::uint32_t events, Ready ready);

  // Blocks these signals, and calls `arrived` in the loop instead.
  Result<void> on_signals(std::initializer_list<int> signals, std::function<void(int)> arrived);

  Clock::time_point now() const override { return Clock::now(); }
  Id call_after(Clock::duration delay, std::function<void()> alarm) override;
  void cancel(Id id) override;

  // Runs until stop() is called.
  Result<void> run();
  void stop() { running_ = false; }
  // Waits for the next event, at most `limit`, and calls its callback.
  Result<void> run_once(Clock::duration limit);

  // Calls `caught` with the text of an exception that leaves a callback; the loop continues. Without it the exception
  // leaves run().
  void on_exception(std::function<void(const std::string& what)> caught) { caught_ = std::move(caught); }

 private:
  struct Watched {
    int fd;
    Ready ready;
  };
  struct Alarm {
    Id id;
    std::function<void()> ring;
  };

  explicit EventLoop(Fd epoll) : epoll_(std::move(epoll)) {}
  int milliseconds_to_wait(Clock::duration limit) const;
  void ring_alarms();
  void guard(const std::function<void()>& callback);
  bool report(const std::exception& error) const;

  Fd epoll_;
  Fd signals_;
  Watch signal_watch_;
  std::uint64_t last_id_ = 0;
  std::map<std::uint64_t, std::shared_ptr<Watched>> watched_;
  std::multimap<Clock::time_point, Alarm> alarms_;
  std::function<void(const std::string& what)> caught_;
  bool running_ = false;
};

}  // namespace masq::os
