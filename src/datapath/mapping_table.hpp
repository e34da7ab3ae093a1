// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "base/address.hpp"
#include "base/cidr.hpp"
#include "base/result.hpp"
#include "datapath/counters.hpp"
#include "model/desired.hpp"

namespace masq {

// One internal endpoint <-> external endpoint, as the kernel has it now. Ports are in host byte order. For ICMP echo
// the identifier replaces both ports; for other ICMP queries the type replaces the remote port.
struct Mapping {
  std::uint8_t protocol = 0;  // IPPROTO_*
  Address pod;
  std::uint16_t pod_port = 0;
  Address remote;
  std::uint16_t remote_port = 0;
  Address external;
  std::uint16_t external_port = 0;
  std::string state;          // "new", "established", "closing", …: mapping_states()
  std::string bypass_reason;  // reason label of a connection that is remembered as bypassed, without an external
                              // endpoint; empty: a mapping
  std::uint64_t age_seconds = 0;
  std::uint64_t idle_seconds = 0;
  bool gives_way = false;  // over: a new connection takes its port if no other is free (docs/decisions/0017)
};

// The numbers of connections that end() or quarantine() changed.
struct Ended {
  std::uint64_t mappings = 0;
  std::uint64_t bypassed = 0;  // bypassed connections that will be decided again
};

// An entry of the ip-masq-agent's set as the kernel holds it.
struct IpMasqEntry {
  Cidr cidr;
  bool masquerade = false;
  auto operator<=>(const IpMasqEntry&) const = default;
};

// The set that a desired state has, sorted.
std::vector<IpMasqEntry> ip_masq_of(const Desired& desired);

using MappingVisitor = std::function<void(const Mapping&)>;
using MappingFilter = std::function<bool(const Mapping&)>;

// The possible values of Mapping::state.
std::span<const char* const> mapping_states();

// The mappings of one datapath in the kernel, for the agent and for `masq`. The kernel owns them, so every function
// works with or without an agent, and also on the mappings of an earlier process.
class MappingTable {
 public:
  virtual ~MappingTable() = default;

  // Returns true if the kernel has objects of the datapath.
  virtual Result<bool> exists() = 0;
  // Calls `visit` for each live mapping. Fails if the kernel has no objects of the datapath.
  virtual Result<void> for_each(const MappingVisitor& visit) = 0;
  // Ends the mappings that `wanted` accepts, and forgets such bypassed connections, which are then decided again.
  virtual Result<Ended> end(const MappingFilter& wanted) = 0;
  // Orders the mappings of removed pods (sorted) to forward nothing: late replies must not reach a pod that reuses the
  // address, and new pods must not use their ports meanwhile. A table without orders ends them.
  virtual Result<Ended> quarantine(const std::vector<Address>& pods) = 0;
  virtual Result<Counters> counters() = 0;
  // Returns the external addresses of mappings that must end when the node loses the address, sorted; empty if the
  // kernel has no objects of the datapath, or if its mappings do not depend on the node's addresses.
  virtual Result<std::vector<Address>> external_addresses() { return std::vector<Address>{}; }
  // Returns true if a pod gets a port or a mapping only while it holds fewer than are free (docs/decisions/0017).
  virtual bool has_shares() const { return false; }
  // Returns the kernel's settings that keep the port of a conversation that is over, as NAME=VALUE; empty: none does.
  virtual std::vector<std::string> port_timeouts() { return {}; }
  // Returns the ip-masq-agent's set, sorted, IPv4 first. Without objects of the datapath it is empty, or an error that
  // reports their absence.
  virtual Result<std::vector<IpMasqEntry>> ip_masq() = 0;
};

}  // namespace masq
