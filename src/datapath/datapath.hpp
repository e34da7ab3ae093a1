// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/address.hpp"
#include "base/result.hpp"
#include "model/desired.hpp"
#include "os/event_loop.hpp"

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
  std::string state;       // "new", "established", "closing", …: docs/reference.md
  std::string left_alone;  // reason label of a connection that is remembered as bypassed, without an external endpoint;
                           // empty: a mapping
  std::uint64_t age_seconds = 0;
  std::uint64_t idle_seconds = 0;
};

// The numbers of connections that an order ended.
struct Ended {
  std::uint64_t mappings = 0;
  std::uint64_t left_alone = 0;  // bypassed connections that will be decided again
};

// A counter of packets that left the engine for one reason.
struct ReasonCount {
  Family family = Family::ipv4;
  std::string direction;  // "egress", "ingress"
  std::string reason;     // the metric label
  bool drop = false;
  std::uint64_t packets = 0;
};

struct TableUse {
  Family family = Family::ipv4;
  std::uint32_t used = 0;  // live mappings
  std::uint32_t left = 0;  // remembered bypassed connections
  std::uint32_t maximum = 0;
};

// Created mappings of one protocol.
struct CreatedCount {
  Family family = Family::ipv4;
  std::string protocol;  // "tcp", "udp", "icmp"
  std::uint64_t mappings = 0;
};

// Number of ports examined per new mapping, or per refused one: a histogram.
struct PortAttempts {
  struct Bucket {
    std::uint32_t at_most = 0;      // upper bound of attempts
    std::uint64_t allocations = 0;  // allocations with at most this number of attempts
  };
  std::vector<Bucket> buckets;    // ascending
  std::uint64_t allocations = 0;  // all, including those above the last bucket
  std::uint64_t attempts = 0;     // sum over all allocations
};

struct Counters {
  std::vector<ReasonCount> packets;
  std::vector<TableUse> tables;
  std::uint64_t mappings_created[2] = {0, 0};     // IPv4, IPv6
  std::vector<CreatedCount> created_by_protocol;  // by protocol; empty: not counted by this datapath
  std::optional<PortAttempts> port_attempts;      // absent: not measured by this datapath
};

// An entry of the ip-masq-agent's set as the kernel holds it.
struct IpMasqEntry {
  Cidr cidr;
  bool masquerade = false;
  auto operator<=>(const IpMasqEntry&) const = default;
};

// A step that apply() takes or would take, printable: "attach egress program to eth0 (tcx)".
using Steps = std::vector<std::string>;

// One implementation of masquerading in the kernel. Tests check these laws for every implementation: a second apply()
// changes nothing; apply() reaches the desired state from any state; an unrelated change keeps established mappings; a
// failed step does not undo the others and is retried; after remove() the kernel is in its original state.
class Datapath {
 public:
  virtual ~Datapath() = default;

  // "BPF", "nftables", "IPTables": the name in the status line.
  virtual std::string name() const = 0;
  // Makes the kernel equal to `desired`, additions before removals. Returns the executed steps (none: it was equal).
  virtual Result<Steps> apply(const Desired& desired) = 0;
  // Returns the steps of apply() without any change.
  virtual Result<Steps> plan(const Desired& desired) = 0;
  // Calls `visit` for each live mapping.
  virtual Result<void> mappings(const std::function<void(const Mapping&)>& visit) = 0;
  virtual Result<Counters> counters() = 0;
  // Returns the ip-masq-agent's set in the kernel, also from an earlier process; empty if there is none.
  virtual Result<std::vector<IpMasqEntry>> ip_masq() { return std::vector<IpMasqEntry>{}; }
  // Delay until apply() must be called again (for example because a pod's reply is expected); nullopt: complete.
  virtual std::optional<std::chrono::milliseconds> retry_after() const { return std::nullopt; }
  // Returns the external addresses of mappings in the kernel, also from an earlier process.
  virtual Result<std::vector<Address>> external_addresses() { return std::vector<Address>{}; }
  // Quarantines the mappings of removed pods: late replies must not reach a pod that reuses the address, and new pods
  // must not use their ports meanwhile.
  virtual Result<Ended> pods_gone(const std::vector<Address>& /*sorted*/) { return Ended(); }
  // Returns hints for the operator about the kernel's state that are no errors.
  virtual std::vector<std::string> notes() { return {}; }
  // Calls `disturbed` when another process changes masq's objects; apply() then repairs them.
  virtual Result<void> watch(EventLoop&, std::function<void()> /*disturbed*/) { return {}; }
  // Returns the errors of a later apply(), as far as they can be detected without affecting packets.
  virtual Result<void> check(const Desired&) { return {}; }
  // Returns true if the datapath masquerades already, also from an earlier process. Its state in the kernel must then
  // stay.
  virtual Result<bool> is_active() { return false; }
  // Another datapath is about to take the place of this one: from now on nothing is translated any more, and what would
  // have to be is dropped. False: nothing was, and nothing stopped. Works on what is found in the kernel.
  virtual Result<bool> hand_over() { return false; }
  // The other one cannot: this one goes on as before hand_over(), under the addresses of today. Works on what is found
  // in the kernel, whoever has called hand_over().
  virtual Result<void> take_back(const Desired& /*desired*/) { return {}; }
  // Goes on with connections that another datapath has translated until now, under the same external endpoints. Those
  // that it cannot take over are new connections to it. Called while the other one is there still, and then, with the
  // same ones, when it has just been taken out of the kernel.
  virtual Result<void> take_over(const std::vector<Mapping>&) { return {}; }
  virtual Result<void> taken_over(const std::vector<Mapping>&) { return {}; }
  // After take_over(), when the other one stays for now.
  virtual void not_taken_over() {}
  // Removes all objects of this datapath from the kernel, also without an apply() before.
  virtual Result<Steps> remove() = 0;
};

}  // namespace masq
