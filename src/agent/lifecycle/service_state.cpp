// SPDX-License-Identifier: Apache-2.0
#include "agent/lifecycle/service_state.hpp"

#include <fmt/format.h>

#include <chrono>
#include <string_view>
#include <utility>

#include "os/service_notify.hpp"

namespace masq::agent {

void ServiceState::pass_ended(bool in_force) {
  const bool first = in_force && !std::exchange(started_, true);
  const bool reloaded = started_ && std::exchange(reloading_, false);
  if (first || reloaded) send("READY=1");
}

// The manager matches the notification with its request by the monotonic time.
void ServiceState::reload_begins() {
  if (!started_) return;
  reloading_ = true;
  const auto now = std::chrono::duration_cast<std::chrono::microseconds>(clock_.now().time_since_epoch());
  send(fmt::format("RELOADING=1\nMONOTONIC_USEC={}", now.count()));
}

void ServiceState::stops() {
  send("STOPPING=1");
}

void ServiceState::send(std::string_view state) {
  if (auto sent = os::notify_service_manager(socket_, state); !sent) log_.warn("{}", sent.error().message);
}

}  // namespace masq::agent
