// SPDX-License-Identifier: Apache-2.0
#include "plant.hpp"

#include <bpf/bpf.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <stdexcept>

#include "base/address.hpp"
#include "bpf/abi/mapping.h"
#include "engine.hpp"
#include "oracle.hpp"
#include "wire.hpp"

namespace masq::bpf::fuzz {
namespace {

void write_address(Bytes& frame, std::size_t at, const Address& address) {
  std::ranges::copy(address.bytes(), frame.begin() + static_cast<long>(at));
}

// The pod's address is back in the packet, or in the one that an ICMP error quotes.
void put_pod_back(const Sent& sent, test::Outcome& outcome) {
  const auto in = read(sent.frame);
  const std::size_t source = in.family == Family::ipv4 ? 12 : 8;
  if (!in.is_error()) return write_address(outcome.bytes, in.ip + source, in.source);
  const auto quote = read_quote(sent.frame, in);
  const auto destination = source + static_cast<std::size_t>(address_bytes(in.family));
  write_address(outcome.bytes, quote.ip + destination, quote.destination);
}

void translate(Invariant invariant, const Sent& sent, test::Outcome& outcome, const People& people) {
  const auto in = read(sent.frame), out = read(outcome.bytes);
  if (invariant == Invariant::no_pod_address_leaves && sent.egress) put_pod_back(sent, outcome);
  if (invariant == Invariant::checksums_stay_right && in.part == Part::whole && in.is_icmp())
    outcome.bytes[out.transport + 2] ^= 1;
  if (invariant == Invariant::reply_mirrors_the_packet && !sent.egress) {
    outcome.verdict = test::drop;
    outcome.reason = "no_mapping";
  }
  if (invariant == Invariant::nothing_reaches_a_pod_without_a_mapping && !sent.egress && !in.is_error())
    write_address(outcome.bytes,
                  out.ip + (in.family == Family::ipv4 ? 12 : 8) + static_cast<std::size_t>(address_bytes(in.family)),
                  out.destination == people.pods[0] ? people.pods[1] : people.pods[0]);
  if (invariant == Invariant::only_the_endpoint_changes && !in.is_error()) outcome.bytes[in.ip + 1] ^= 1;
}

}  // namespace

void plant(Invariant invariant, const Sent& sent, test::Outcome& outcome, const People& people) {
  const auto in = read(sent.frame);
  if (outcome.verdict == test::pass && outcome.bytes != sent.frame) translate(invariant, sent, outcome, people);
  if (invariant == Invariant::malformed_is_unchanged_or_dropped && in.malformed && outcome.verdict == test::pass) {
    outcome.bytes.back() ^= 1;
    outcome.reason = "translated";
  }
  if (invariant == Invariant::every_exit_is_counted && in.part == Part::whole) outcome.reason = "none";
  if (invariant == Invariant::runs_are_bounded) outcome.duration = std::chrono::seconds(1);
}

void plant_in_table(const test::Engine& engine) {
  auto control = engine.control(Family::ipv4);
  ++control.used;
  const std::uint32_t key = 0;
  if (bpf_map_update_elem(engine.program().map("control4"), &key, &control, BPF_ANY) != 0)
    throw std::runtime_error("control");
}

}  // namespace masq::bpf::fuzz
