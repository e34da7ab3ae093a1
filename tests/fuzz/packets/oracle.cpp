// SPDX-License-Identifier: Apache-2.0
#include "oracle.hpp"

#include <fmt/format.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>

#include "base/address.hpp"
#include "bpf/abi/reasons.h"
#include "engine.hpp"
#include "wire.hpp"

namespace masq::bpf::fuzz {
namespace {

struct ReasonRow {
  std::string_view word;
  bool passes;
};
constexpr ReasonRow reasons[] = {
#define ROW(name, verdict, word, meaning) {word, MASQ_##verdict == MASQ_PASS},
    MASQ_REASONS(ROW)
#undef ROW
};

std::optional<bool> passes(std::string_view reason) {
  for (const auto& row : reasons)
    if (row.word == reason) return row.passes;
  return std::nullopt;
}

Breach breach(Invariant invariant, std::string detail = {}) {
  return {.invariant = invariant, .detail = std::move(detail)};
}

// The port of the pod, and the port of the remote endpoint. For an ICMP query the identifier, and the type of the pod's
// packets; 0 without either.
std::pair<std::uint16_t, std::uint16_t> ports(const Contents& c, bool from_pod) {
  if (c.part == Part::later_fragment) return {};
  if (c.is_query()) return {c.source_port, from_pod ? c.icmp_type : partner_type(c.family, c.icmp_type)};
  if (!c.has_ports()) return {};
  return from_pod ? std::pair(c.source_port, c.destination_port) : std::pair(c.destination_port, c.source_port);
}

bool has_numbers(const Contents& c) {
  return c.part != Part::later_fragment && (c.has_ports() || c.is_query());
}

bool is_error(const Contents& c) {
  return c.part != Part::later_fragment && c.is_error();
}

auto datagram_key(const Contents& c) {
  return std::tuple(c.family == Family::ipv4 ? c.protocol : std::uint8_t{0}, c.source, c.destination, c.identification);
}

bool contains(const Bytes& frame, std::size_t begin, std::size_t end, const Address& address) {
  const auto bytes = address.bytes();
  const auto first = frame.begin() + static_cast<long>(std::min(begin, frame.size()));
  const auto last = frame.begin() + static_cast<long>(std::min(end, frame.size()));
  return std::search(first, last, bytes.begin(), bytes.end()) != last;
}

}  // namespace

const char* to_string(Invariant invariant) {
  constexpr const char* words[] = {
#define MASQ_INVARIANT(name, words) words,
      MASQ_INVARIANTS(MASQ_INVARIANT)
#undef MASQ_INVARIANT
  };
  return words[static_cast<std::size_t>(invariant)];
}

void Oracle::forget() {
  owners_.clear();
  unseen_.clear();
  openers_.clear();
  inbound_.clear();
  inbound_pairs_.clear();
  datagrams_out_.clear();
  datagrams_in_.clear();
}

std::optional<Breach> Oracle::judge(const Sent& sent, const test::Outcome& outcome, bool may_expire) {
  const Seen seen{.sent = sent,
                  .outcome = outcome,
                  .in = read(sent.frame),
                  .out = read(outcome.bytes),
                  .changed = outcome.bytes != sent.frame};
  if (auto found = counted(seen, may_expire)) return found;
  if (outcome.verdict == test::pass) return passed(seen);
  // A pod's first fragment may have opened its connection, and be refused then.
  const bool may_have_opened = sent.egress && seen.in.part == Part::first_fragment && !seen.in.malformed;
  if (outcome.reason == "none" || may_have_opened) remember_first_fragment(seen, true);
  return std::nullopt;
}

// A first fragment that is sent as a clone, before queued ones, is counted by the clone.
Oracle::Check Oracle::counted(const Seen& seen, bool may_expire) {
  const auto& outcome = seen.outcome;
  const auto failed = [&] {
    return breach(Invariant::every_exit_is_counted,
                  fmt::format("verdict {}, counted: {}", outcome.verdict, outcome.reason));
  };
  if (outcome.verdict != test::pass && outcome.verdict != test::drop) return failed();
  if (outcome.reason == "more than one" && may_expire) return std::nullopt;
  const bool may_be_cloned = outcome.verdict == test::drop && seen.in.part == Part::first_fragment;
  if (outcome.reason == "none" && may_be_cloned) return std::nullopt;
  const auto expected = passes(outcome.reason);
  if (!expected || *expected != (outcome.verdict == test::pass)) return failed();
  if (*expected && seen.changed != (outcome.reason == "translated")) return failed();
  return std::nullopt;
}

Oracle::Check Oracle::passed(const Seen& seen) {
  const bool malformed = !seen.in.has_addresses || seen.in.malformed;
  if (malformed && seen.changed) return breach(Invariant::malformed_is_unchanged_or_dropped);
  if (auto found = seen.sent.egress ? left(seen) : arrived(seen)) return found;
  if (!seen.changed) return std::nullopt;
  if (auto found = only_the_endpoint_changed(seen)) return found;
  if (checksums_are_right(seen.sent.frame, seen.in) && !checksums_are_right(seen.outcome.bytes, seen.out))
    return breach(Invariant::checksums_stay_right);
  return std::nullopt;
}

bool Oracle::must_be_masqueraded(const Contents& in) const {
  if (!in.has_addresses || !people_.is_pod(in.source) || people_.is_spared(in.destination)) return false;
  const bool is_neighbour_discovery =
      in.family == Family::ipv6 && in.is_icmp() && in.hops == 255 && in.icmp_type >= 133 && in.icmp_type <= 137;
  return !is_neighbour_discovery;
}

// Connections from outside to the pod's own address are not masqueraded, and neither are their answers.
bool Oracle::is_answer(const Contents& in) const {
  if (in.malformed) return false;
  const auto [pod, remote] = ports(in, true);
  if (has_numbers(in)) return inbound_.contains({in.protocol, in.source, pod, in.destination, remote});
  return inbound_pairs_.contains({in.source, in.destination});
}

Oracle::Check Oracle::left(const Seen& seen) {
  const auto& [sent, outcome, in, out, changed] = seen;
  const auto leak = [&] { return breach(Invariant::no_pod_address_leaves, in.source.to_string()); };
  if (!changed) return must_be_masqueraded(in) && !is_answer(in) ? std::optional(leak()) : std::nullopt;
  if (is_error(in)) return error_left(seen);
  if (!people_.is_pod(in.source)) return breach(Invariant::only_the_endpoint_changes, "a packet of no pod");
  if (out.source != people_.cast.external) return leak();
  openers_.emplace(in.protocol, in.source, in.destination);
  const auto [pod_port, remote_port] = ports(in, true);
  if (has_numbers(in))
    owners_[{in.protocol, in.destination, remote_port, out.source, ports(out, true).first}] = {in.source, pod_port};
  if (in.part == Part::first_fragment) remember_first_fragment(seen, false);
  if (in.part != Part::later_fragment) return std::nullopt;
  const auto first = datagrams_out_.find(datagram_key(in));
  if (first != datagrams_out_.end() && first->second != std::pair(out.source, out.identification))
    return breach(Invariant::only_the_endpoint_changes, "a fragment left otherwise than its first");
  return std::nullopt;
}

void Oracle::remember_first_fragment(const Seen& seen, bool cloned) {
  const auto& in = seen.in;
  const auto key = datagram_key(in);
  if (seen.sent.egress) {
    datagrams_out_.erase(key);
    if (cloned) openers_.emplace(in.protocol, in.source, in.destination);
    if (const auto [pod, remote] = ports(in, true); cloned)
      unseen_.emplace(in.protocol, in.source, pod, in.destination, remote);
    if (!cloned) datagrams_out_.emplace(key, std::pair(seen.out.source, seen.out.identification));
    return;
  }
  datagrams_in_[key] = cloned ? std::nullopt : std::optional(seen.out.destination);
}

// An ICMP error that was translated on its way out: neither the quoted packet nor any option has the pod's address.
Oracle::Check Oracle::error_left(const Seen& seen) const {
  const auto& [sent, outcome, in, out, changed] = seen;
  const auto quote = read_quote(sent.frame, in), after = read_quote(outcome.bytes, out);
  const auto& pod = quote.destination;
  const bool tells = people_.is_pod(out.source) || people_.is_pod(after.destination) ||
                     contains(outcome.bytes, out.ip, out.transport, pod) ||
                     contains(outcome.bytes, after.ip, after.transport, pod);
  if (!quote.has_addresses || tells) return breach(Invariant::no_pod_address_leaves, "in an ICMP error");
  return std::nullopt;
}

// `wire`: the packet with external addresses; `inside`: the same as the pod receives it.
Oracle::Check Oracle::is_of_owner(const Contents& wire, const Contents& inside) const {
  const auto failed = [&](std::string_view what) {
    return breach(Invariant::nothing_reaches_a_pod_without_a_mapping,
                  fmt::format("{}: {} port {} to {} port {}", what, wire.source.to_string(), wire.source_port,
                              inside.destination.to_string(), inside.destination_port));
  };
  if (!people_.is_pod(inside.destination)) return failed("no pod");
  if (!has_numbers(wire))
    return openers_.contains({wire.protocol, inside.destination, wire.source}) ? std::nullopt
                                                                               : std::optional(failed("no packet"));
  const auto [external_port, remote_port] = ports(wire, false);
  const auto pod_port = ports(inside, false).first;
  if (unseen_.contains({wire.protocol, inside.destination, pod_port, wire.source, remote_port})) return std::nullopt;
  const auto owner = owners_.find({wire.protocol, wire.source, remote_port, wire.destination, external_port});
  if (owner == owners_.end()) return failed("no packet");
  if (owner->second != Endpoint{inside.destination, pod_port}) return failed("another pod's");
  return std::nullopt;
}

Oracle::Check Oracle::arrived(const Seen& seen) {
  const auto& [sent, outcome, in, out, changed] = seen;
  if (!changed) {
    if (!in.has_addresses || in.malformed || !people_.is_pod(in.destination)) return std::nullopt;
    const auto [pod_port, remote_port] = ports(in, false);
    inbound_pairs_.emplace(in.destination, in.source);
    if (has_numbers(in)) inbound_.emplace(in.protocol, in.destination, pod_port, in.source, remote_port);
    return std::nullopt;
  }
  if (people_.is_pod(in.destination)) return breach(Invariant::only_the_endpoint_changes, "already to a pod");
  if (is_error(in)) return error_arrived(seen);
  if (in.part == Part::later_fragment) {
    const auto first = datagrams_in_.find(datagram_key(in));
    if (first != datagrams_in_.end() && first->second.value_or(out.destination) == out.destination) return std::nullopt;
    return breach(Invariant::nothing_reaches_a_pod_without_a_mapping, "a fragment without its first");
  }
  if (auto found = is_of_owner(in, out)) return found;
  if (in.part == Part::first_fragment) remember_first_fragment(seen, false);
  return std::nullopt;
}

// The quoted packet is one that left: seen from outside, its source is the external endpoint.
Oracle::Check Oracle::error_arrived(const Seen& seen) const {
  const auto turned = [](Contents quote) {
    std::swap(quote.source, quote.destination);
    if (quote.has_ports()) std::swap(quote.source_port, quote.destination_port);
    if (quote.is_query()) quote.icmp_type = partner_type(quote.family, quote.icmp_type);
    return quote;
  };
  const auto wire = turned(read_quote(seen.sent.frame, seen.in));
  const auto inside = turned(read_quote(seen.outcome.bytes, seen.out));
  if (!wire.has_addresses || inside.destination != seen.out.destination || wire.destination != seen.in.destination)
    return breach(Invariant::nothing_reaches_a_pod_without_a_mapping, "an ICMP error");
  return is_of_owner(wire, inside);
}

Oracle::Check Oracle::only_the_endpoint_changed(const Seen& seen) const {
  const auto& [sent, outcome, in, out, changed] = seen;
  const auto& frame = outcome.bytes;
  if (frame.size() != sent.frame.size()) return breach(Invariant::only_the_endpoint_changes, "the length");
  if (is_error(in)) return std::nullopt;  // play.cpp compares it with the packet that it quotes
  Bytes expected = sent.frame;
  const auto may_change = [&](std::size_t at, std::size_t size) {
    for (std::size_t i = at; i < std::min(at + size, frame.size()); ++i) expected[i] = frame[i];
  };
  const auto size = static_cast<std::size_t>(address_bytes(in.family));
  may_change(in.ip + (in.family == Family::ipv4 ? 12 : 8) + (sent.egress ? 0 : size), size);
  if (in.family == Family::ipv4) may_change(in.ip + 10, 2);
  if (sent.egress && in.part != Part::whole) may_change(in.identification_at, 2);
  if (has_numbers(in)) {
    if (in.is_query()) may_change(in.transport + 4, 2);
    if (in.has_ports() && in.protocol != IPPROTO_SCTP) may_change(in.transport + (sent.egress ? 0 : 2), 2);
    if (const auto at = checksum_at(in)) {
      const auto is_zero = [&](const Bytes& bytes) { return bytes[*at] == 0 && bytes[*at + 1] == 0; };
      if (in.protocol == IPPROTO_UDP && is_zero(sent.frame) != is_zero(frame))
        return breach(Invariant::checksums_stay_right, "of UDP: none");
      may_change(*at, 2);
    }
  }
  if (expected != frame) return breach(Invariant::only_the_endpoint_changes);
  return std::nullopt;
}

}  // namespace masq::bpf::fuzz
