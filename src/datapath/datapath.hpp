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

// One internal endpoint <-> external endpoint, as the kernel has it now. Ports in host byte order; for ICMP echo the
// identifier stands for both ports, other ICMP queries have their type in the remote port's place.
struct Mapping {
  std::uint8_t protocol = 0;  // IPPROTO_*
  Address pod;
  std::uint16_t pod_port = 0;
  Address remote;
  std::uint16_t remote_port = 0;
  Address external;
  std::uint16_t external_port = 0;
  std::string state;       // "new", "established", "closing", …: docs/reference.md
  std::string left_alone;  // the reason's word, of a connection that is remembered as left alone: it has no external
                           // endpoint. Empty: a mapping
  std::uint64_t age_seconds = 0;
  std::uint64_t idle_seconds = 0;
};

// How many connections an order to end them has ended.
struct Ended {
  std::uint64_t mappings = 0;
  std::uint64_t left_alone = 0;  // decisions to leave a connection alone that were forgotten: it is decided anew
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
  std::uint32_t used = 0;  // mappings alive
  std::uint32_t left = 0;  // connections remembered as left alone
  std::uint32_t maximum = 0;
};

// Mappings of one protocol that were ever made.
struct CreatedCount {
  Family family = Family::ipv4;
  std::string protocol;  // "tcp", "udp", "icmp"
  std::uint64_t mappings = 0;
};

// How many ports were looked at until a mapping had one, or none was free: a histogram over all mappings.
struct PortAttempts {
  struct Bucket {
    std::uint32_t at_most = 0;      // attempts
    std::uint64_t allocations = 0;  // that took so many or fewer
  };
  std::vector<Bucket> buckets;    // ascending
  std::uint64_t allocations = 0;  // all, also those beyond the last bucket
  std::uint64_t attempts = 0;     // of all of them together
};

struct Counters {
  std::vector<ReasonCount> packets;
  std::vector<TableUse> tables;
  std::uint64_t mappings_created[2] = {0, 0};     // IPv4, IPv6
  std::vector<CreatedCount> created_by_protocol;  // the same in detail; empty: this datapath does not count so
  std::optional<PortAttempts> port_attempts;      // none: this datapath does not measure it
};

// An entry of the ip-masq-agent's set as the kernel holds it.
struct IpMasqEntry {
  Cidr cidr;
  bool masquerade = false;
  auto operator<=>(const IpMasqEntry&) const = default;
};

// A step that apply() takes or would take, printable: "attach egress program to eth0 (tcx)".
using Steps = std::vector<std::string>;

// One way of making the kernel masquerade. The laws (tested for every implementation): applying twice changes
// nothing the second time; from any actual state apply() reaches the desired one; an unrelated change keeps
// established mappings; a failed step leaves the rest applied and is retried; after remove() the kernel is as it
// was found.
class Datapath {
 public:
  virtual ~Datapath() = default;

  // "BPF", "nftables", "IPTables": the word of the status line.
  virtual std::string name() const = 0;
  // Makes the kernel equal to `desired`, additions before removals; returns the steps taken (none: it was equal).
  virtual Result<Steps> apply(const Desired& desired) = 0;
  // The steps that apply() would take; changes nothing.
  virtual Result<Steps> plan(const Desired& desired) = 0;
  // Calls `visit` for each mapping alive.
  virtual Result<void> mappings(const std::function<void(const Mapping&)>& visit) = 0;
  virtual Result<Counters> counters() = 0;
  // The ip-masq-agent's set as the kernel holds it, also from before this process; empty when there is none.
  virtual Result<std::vector<IpMasqEntry>> ip_masq() { return std::vector<IpMasqEntry>{}; }
  // After an apply() that has to be gone on with (a pod's answer is awaited): apply() again after so long.
  virtual std::optional<std::chrono::milliseconds> more_to_do() const { return std::nullopt; }
  // The external addresses of mappings that are in the kernel, also from before this process.
  virtual Result<std::vector<Address>> external_addresses() { return std::vector<Address>{}; }
  // These pods are gone: nothing of theirs is to reach whoever gets their addresses next, and nothing of the next ones
  // to leave under their ports until these have rested.
  virtual Result<Ended> pods_gone(const std::vector<Address>& /*sorted*/) { return Ended(); }
  // What an operator should know of the kernel's side now, though it is no error.
  virtual std::vector<std::string> notes() { return {}; }
  // From now on `disturbed` is called when somebody else changed what is ours: then apply() has something to mend.
  virtual Result<void> watch(EventLoop&, std::function<void()> /*disturbed*/) { return {}; }
  // What apply() would meet, as far as it can be known without a change that a packet meets: an error is one of
  // apply()'s to come.
  virtual Result<void> check(const Desired&) { return {}; }
  // Whether it masquerades already, also from before this process: then what it has in the kernel must not be undone.
  virtual Result<bool> in_force() { return false; }
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
  // Takes everything of ours out of the kernel. Works on what is found there, also without an apply() before.
  virtual Result<Steps> remove() = 0;
};

}  // namespace masq
