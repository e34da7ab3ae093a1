// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.hpp"
#include "model/config.hpp"
#include "os/event_loop.hpp"
#include "os/fd.hpp"

namespace masq {

// One masqd at a time for a socket, for a network namespace (its devices) and for a bpf root (the pins). The kernel
// gives the locks back when the process ends, however it ends.
class NodeLocks {
 public:
  // Creates the socket's directory. The bpf root is locked when it is a bpffs, else by lock_bpf_root() later.
  static Result<NodeLocks> take(const Config& config);
  Result<void> lock_bpf_root(const std::string& bpf_root);
  // Removes the lock's file, for the one who has finished and ends: who comes now makes a new one.
  void leave_no_file(const Config& config) const;
  // So that each newcomer learns who has the lock.
  Result<void> answer_newcomers(EventLoop& loop);

 private:
  Fd socket_;
  Fd network_namespace_;
  Fd bpf_root_;
  EventLoop::Watch newcomers_;
};

}  // namespace masq
