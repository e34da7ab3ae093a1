// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <spdlog/logger.h>

#include <string>
#include <string_view>
#include <utility>

#include "os/timers.hpp"

namespace masq::agent {

// Reports the state of masqd to a service manager, as sd_notify(3) defines it: READY after the first state is in force,
// RELOADING and READY around a reload, STOPPING at the end. Does nothing without $NOTIFY_SOCKET.
class ServiceState {
 public:
  // `notify_socket` is the value of $NOTIFY_SOCKET.
  ServiceState(std::string notify_socket, const os::Timers& clock, spdlog::logger& log)
      : socket_(std::move(notify_socket)), clock_(clock), log_(log) {}

  // A pass of the reconciler has ended. `in_force`: a desired state is applied. A reload is complete after the next
  // pass, even if its state is refused: masqd then keeps the previous one.
  void pass_ended(bool in_force);
  void reload_begins();
  void stops();

 private:
  void send(std::string_view state);

  std::string socket_;
  const os::Timers& clock_;
  spdlog::logger& log_;
  bool started_ = false;
  bool reloading_ = false;
};

}  // namespace masq::agent
