// SPDX-License-Identifier: Apache-2.0
#include "cli/follow_events.hpp"

#include <sys/epoll.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdint>
#include <expected>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "cli/command.hpp"
#include "datapath/bpf/events.hpp"
#include "os/event_loop.hpp"
#include "os/timers.hpp"

namespace masq {

Result<void> follow_pinned_events(const std::filesystem::path& bpf_root, const std::vector<std::string>& types,
                                  const EventListener& listener) {
  auto events = BpfEvents::open(bpf_root, types);
  if (!events) return std::unexpected(events.error());
  auto loop = EventLoop::open();
  if (!loop) return std::unexpected(loop.error());
  if (auto done = (*loop)->on_signals({SIGINT, SIGTERM, SIGHUP}, [&](int) { (*loop)->stop(); }); !done) return done;
  auto arrivals = (*loop)->watch((*events)->fd(), EPOLLIN, [&](std::uint32_t) { (*events)->take(listener.event); });
  if (!arrivals) return std::unexpected(arrivals.error());
  // Detects a closed reader while no events occur. A file cannot be watched, and is never closed.
  auto reader = (*loop)->watch(STDOUT_FILENO, 0, [&](std::uint32_t) { (*loop)->stop(); });
  Timer second(**loop);
  std::function<void()> pass = [&] {
    listener.second_passed((*events)->renew());
    second.start(std::chrono::seconds(1), pass);
  };
  pass();
  return (*loop)->run();
}

}  // namespace masq
