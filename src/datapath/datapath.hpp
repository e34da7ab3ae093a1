// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "datapath/mapping_table.hpp"
#include "model/desired.hpp"
#include "model/finding.hpp"
#include "os/event_loop.hpp"

namespace masq {

// A step that apply() takes or would take, printable: "attach egress program to eth0 (tcx)".
using Steps = std::vector<std::string>;

// The part of a datapath in the change from one datapath to another; handover.hpp has the order of the calls. All verbs
// work on the objects in the kernel, also on those of an earlier process. The connections to export are those of the
// datapath's table.
class Handover {
 public:
  virtual ~Handover() = default;

  // Returns true if the datapath masquerades already. Its state in the kernel must then stay.
  virtual Result<bool> is_active() { return false; }
  // Stops the translation, before another datapath takes the place: packets that need it are dropped. Returns false if
  // nothing was stopped.
  virtual Result<bool> suspend() { return false; }
  // Ends a suspension, when the other datapath cannot take the place. The external addresses are those of `desired`.
  virtual Result<void> resume(const Desired& /*desired*/) { return {}; }
  // Continues with the connections of another datapath, under the same external endpoints. Those that do not fit are
  // new connections. Called while the other datapath exists; either commit_import() or abort_import() follows.
  virtual Result<void> import_mappings(const std::vector<Mapping>& live) = 0;
  // Completes the import of the same connections directly after the other datapath was removed.
  virtual Result<void> commit_import(const std::vector<Mapping>& /*live*/) { return {}; }
  // The other datapath stays.
  virtual void abort_import() {}
};

// One implementation of masquerading in the kernel. Tests check these laws for every implementation: a second apply()
// changes nothing; apply() reaches the desired state from any state; an unrelated change keeps established mappings; a
// failed step does not undo the others and is retried; after remove() the kernel is in its original state.
class Datapath {
 public:
  virtual ~Datapath() = default;

  // "BPF", "nftables", "IPTables": the name in the status line.
  virtual std::string name() const = 0;
  // Returns the errors of a later apply(), as far as they can be detected without affecting packets.
  virtual Result<void> check(const Desired&) { return {}; }
  // Returns the steps of apply() without any change.
  virtual Result<Steps> plan(const Desired& desired) = 0;
  // Makes the kernel equal to `desired`, additions before removals. Returns the executed steps (none: it was equal).
  virtual Result<Steps> apply(const Desired& desired) = 0;
  // Delay until apply() must be called again (for example because a pod's reply is expected); nullopt: complete.
  virtual std::optional<std::chrono::milliseconds> retry_after() const { return std::nullopt; }
  // Removes all objects of this datapath from the kernel, also without an apply() before.
  virtual Result<Steps> remove() = 0;
  // Calls `disturbed` when another process changes masq's objects; apply() then repairs them.
  virtual Result<void> watch(os::EventLoop&, std::function<void()> /*disturbed*/) { return {}; }
  // Time at which the state in the kernel was last compared with the applied one; nullopt: never. A datapath that is
  // watched compares every three seconds at least, and at once after the kernel announced a change.
  virtual std::optional<std::chrono::steady_clock::time_point> read_back_at() const { return std::nullopt; }
  // Returns what the operator must know about the kernel's state.
  virtual std::vector<Finding> findings() { return {}; }

  // The mappings of this datapath in the kernel.
  virtual MappingTable& table() = 0;
  virtual Handover& handover() = 0;
};

}  // namespace masq
