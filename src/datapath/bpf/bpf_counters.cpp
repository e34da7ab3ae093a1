// SPDX-License-Identifier: Apache-2.0
#include "datapath/bpf/bpf_counters.hpp"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <utility>
#include <vector>

#include "base/address.hpp"
#include "base/result.hpp"
#include "bpf/abi/mapping.h"
#include "bpf/abi/reasons.h"
#include "datapath/bpf/pinned_table.hpp"
#include "datapath/bpf/pins.hpp"
#include "datapath/counters.hpp"

namespace masq::bpf {
namespace {

Result<void> add_packets(const Pins& pins, Family family, Counters& counters) {
  TRY(auto fd, open_pinned_map(pins, map_name("counters", family)));
  std::vector<std::uint64_t> per_cpu(static_cast<std::size_t>(libbpf_num_possible_cpus()));
  for (std::uint32_t direction = 0; direction < MASQ_DIRECTION_COUNT; ++direction) {
    for (std::uint32_t reason = 0; reason < MASQ_REASON_COUNT; ++reason) {
      const std::uint32_t key = MASQ_COUNTER(direction, reason);
      if (bpf_map_lookup_elem(fd.get(), &key, per_cpu.data()) != 0)
        return fail("read counters: {}", std::strerror(errno));
      ReasonCount count{.family = family,
                        .direction = direction == MASQ_EGRESS ? "egress" : "ingress",
                        .reason = reason_text(reason).word,
                        .drop = reason_text(reason).drop};
      for (const auto packets : per_cpu) count.packets += packets;
      counters.packets.push_back(std::move(count));
    }
  }
  return {};
}

constexpr const char* class_words[] = {
#define CLASS_WORD(name, word) word,
    MASQ_PROTOCOL_CLASSES(CLASS_WORD)
#undef CLASS_WORD
};

Result<void> add_creation_stats(const Pins& pins, Family family, Counters& counters) {
  TRY(auto fd, open_pinned_map(pins, map_name("births", family)));
  std::vector<masq_births> per_cpu(static_cast<std::size_t>(libbpf_num_possible_cpus()));
  const std::uint32_t key = 0;
  if (bpf_map_lookup_elem(fd.get(), &key, per_cpu.data()) != 0)
    return fail("read creation statistics: {}", std::strerror(errno));
  auto& attempts = counters.port_attempts.has_value() ? *counters.port_attempts : counters.port_attempts.emplace();
  attempts.buckets.resize(MASQ_ATTEMPT_BUCKETS);
  for (std::size_t kind = 0; kind < MASQ_CLASS_COUNT; ++kind) {
    CreatedCount created{.family = family, .protocol = class_words[kind]};
    for (const auto& stats : per_cpu) created.mappings += stats.created[kind];
    counters.created_by_protocol.push_back(std::move(created));
  }
  std::uint64_t searches = 0;  // searches that examined at most this number of ports
  for (std::uint32_t bucket = 0; bucket < MASQ_ATTEMPT_BUCKETS; ++bucket) {
    for (const auto& stats : per_cpu) searches += stats.searches[bucket];
    attempts.buckets[bucket].at_most = 1u << bucket;
    attempts.buckets[bucket].allocations += searches;
  }
  attempts.allocations += searches;
  for (const auto& stats : per_cpu) attempts.attempts += stats.attempts;
  return {};
}

}  // namespace

Result<Counters> read_counters(const Pins& pins) {
  Counters counters;
  for (const Family family : {Family::ipv4, Family::ipv6}) {
    TRY(auto control, read_control(pins, family));
    counters.tables.push_back({.family = family, .used = control.used, .bypassed = control.left});
    counters.mappings_created[family == Family::ipv4 ? 0 : 1] = control.created;
    TRY_DO(add_packets(pins, family, counters));
    TRY_DO(add_creation_stats(pins, family, counters));
  }
  return counters;
}

}  // namespace masq::bpf
