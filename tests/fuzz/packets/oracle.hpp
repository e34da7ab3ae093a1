// SPDX-License-Identifier: Apache-2.0
// The invariants of the engine, checked packet by packet. The oracle knows the packets that were sent and what became
// of them; it reads no map and shares no code with the engine.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <tuple>

#include "base/address.hpp"
#include "engine.hpp"
#include "people.hpp"
#include "wire.hpp"

namespace masq::bpf::fuzz {

// The invariants; the words are printed.
#define MASQ_INVARIANTS(X)                                                                               \
  X(no_pod_address_leaves, "no pod address leaves")                                                      \
  X(checksums_stay_right, "checksums that were right stay right")                                        \
  X(reply_mirrors_the_packet, "a reply returns to the pod as the mirror of its packet")                  \
  X(nothing_reaches_a_pod_without_a_mapping, "nothing is translated to a pod without its mapping")       \
  X(malformed_is_unchanged_or_dropped, "a malformed packet is unchanged or dropped")                     \
  X(every_exit_is_counted, "each run counts one exit, with the verdict of its reason")                   \
  X(runs_are_bounded, "each run is bounded")                                                             \
  X(only_the_endpoint_changes, "a translation changes only address, port, identification and checksums") \
  X(table_is_in_order, "the table is in order")

enum class Invariant : std::uint8_t {
#define MASQ_INVARIANT(name, words) name,
  MASQ_INVARIANTS(MASQ_INVARIANT)
#undef MASQ_INVARIANT
};
const char* to_string(Invariant invariant);

struct Breach {
  Invariant invariant;
  std::string detail;
};

struct Sent {
  bool egress = true;
  Bytes frame;
  test::RunContext context = {};
};

class Oracle {
 public:
  explicit Oracle(Family family) : people_(family) {}

  // Compares a packet with what became of it, and remembers both. `may_expire`: queued fragments may have expired,
  // which counts too.
  std::optional<Breach> judge(const Sent& sent, const test::Outcome& outcome, bool may_expire);
  // Every mapping has ended.
  void forget();

  const People& people() const { return people_; }

 private:
  using Check = std::optional<Breach>;
  // Protocol, and two endpoints.
  using Connection = std::tuple<std::uint8_t, Address, std::uint16_t, Address, std::uint16_t>;
  // Protocol (IPv4 only), source, destination, identification.
  using Datagram = std::tuple<std::uint8_t, Address, Address, std::uint32_t>;
  struct Endpoint {
    Address address;
    std::uint16_t port = 0;
    bool operator==(const Endpoint&) const = default;
  };
  struct Seen {  // a packet before and after the engine
    const Sent& sent;
    const test::Outcome& outcome;
    Contents in, out;
    bool changed;
  };

  static Check counted(const Seen& seen, bool may_expire);
  Check passed(const Seen& seen);
  Check left(const Seen& seen);
  Check error_left(const Seen& seen) const;
  Check arrived(const Seen& seen);
  Check error_arrived(const Seen& seen) const;
  Check only_the_endpoint_changed(const Seen& seen) const;
  bool must_be_masqueraded(const Contents& in) const;
  bool is_answer(const Contents& in) const;
  Check is_of_owner(const Contents& wire, const Contents& inside) const;
  void remember_first_fragment(const Seen& seen, bool cloned);

  People people_;
  std::map<Connection, Endpoint> owners_;  // by remote and external endpoint
  std::set<Connection> unseen_;            // pod and remote endpoint: its external port was not seen
  std::set<std::tuple<std::uint8_t, Address, Address>> openers_;         // pod and remote address, by protocol
  std::set<Connection> inbound_;                                         // pod and remote endpoint
  std::set<std::pair<Address, Address>> inbound_pairs_;                  // pod and remote address
  std::map<Datagram, std::pair<Address, std::uint32_t>> datagrams_out_;  // what the first fragment left with
  std::map<Datagram, std::optional<Address>> datagrams_in_;              // the pod of the first fragment
};

}  // namespace masq::bpf::fuzz
