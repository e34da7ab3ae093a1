// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.hpp"
#include "model/config.hpp"
#include "os/event_loop.hpp"
#include "os/fd.hpp"

namespace masq::agent {

// Allows one masqd per socket, per network namespace (its devices) and per bpf root (the pins). The kernel releases the
// locks when the process ends.
class NodeLocks {
 public:
  // Creates the socket's directory. lock_bpf_root() locks the bpf root.
  static Result<NodeLocks> take(const Config& config);
  Result<void> lock_bpf_root(const std::string& bpf_root);
  // Removes the lock file before a normal exit; the next process creates a new one.
  void unlink_lock_file(const Config& config) const;
  // Lets other processes query the owner of the lock.
  Result<void> serve_lock_owner(os::EventLoop& loop);

 private:
  os::Fd socket_;
  os::Fd network_namespace_;
  os::Fd bpf_root_;
  os::EventLoop::Watch newcomers_;
};

// Takes the locks of this node. The bpf root is locked only if it is a bpffs; mount_bpf_root() locks it otherwise.
Result<NodeLocks> lock_node(const Config& config);
// Mounts a bpffs at the bpf root if there is none, and locks it.
Result<void> mount_bpf_root(const Config& config, NodeLocks& locks);

}  // namespace masq::agent
