// SPDX-License-Identifier: Apache-2.0
// Reads the pinned maps for `masq`. The kernel owns the mappings, so no agent is needed.
#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <expected>
#include <filesystem>
#include <functional>
#include <set>
#include <system_error>
#include <utility>
#include <vector>

#include "base/address.hpp"
#include "base/cidr.hpp"
#include "base/result.hpp"
#include "bpf/abi/mapping.h"
#include "bpf/abi/policy.h"
#include "bpf/abi/reasons.h"
#include "datapath/bpf/bpf_datapath.hpp"
#include "datapath/bpf/options.hpp"
#include "datapath/bpf/pinned_table.hpp"
#include "datapath/bpf/pins.hpp"
#include "datapath/datapath.hpp"

namespace masq {
namespace {

template <class Abi>
Result<void> visit_mappings(const Pins& pins, const std::function<void(const Mapping&)>& visit) {
  auto table = PinnedTable<Abi>::open(pins, Access::read);
  if (!table) return std::unexpected(table.error());
  for (std::uint32_t i = 0; i < table->end(); ++i) {
    const auto raw = table->slots.at(i);
    if (raw.slot == MASQ_SLOT_LINKED && raw.seen != 0 && raw.reason == MASQ_REASON_TRANSLATED &&
        raw.flow.kind == MASQ_KIND_CONNECTION)
      visit(to_mapping<Abi>(raw, table->control.clock));
  }
  return {};
}

// Most mappings have the same address as the previous one.
template <class Abi>
Result<void> add_external_addresses(const Pins& pins, std::set<Address>& found) {
  auto table = PinnedTable<Abi>::open(pins, Access::read);
  if (!table) return std::unexpected(table.error());
  typename Abi::Addr last{};
  for (std::uint32_t i = 0; i < table->end(); ++i) {
    const auto raw = table->slots.at(i);
    if (raw.slot != MASQ_SLOT_LINKED || raw.seen == 0 || raw.reason != MASQ_REASON_TRANSLATED ||
        raw.flow.kind != MASQ_KIND_CONNECTION || std::memcmp(&raw.external, &last, sizeof last) == 0)
      continue;
    last = raw.external;
    found.insert(to_address<Abi>(last));
  }
  return {};
}

Result<void> add_packets(const Pins& pins, Family family, Counters& counters) {
  auto fd = open_pinned_map(pins, map_name("counters", family));
  if (!fd) return std::unexpected(fd.error());
  std::vector<std::uint64_t> per_cpu(static_cast<std::size_t>(libbpf_num_possible_cpus()));
  for (std::uint32_t direction = 0; direction < MASQ_DIRECTION_COUNT; ++direction) {
    for (std::uint32_t reason = 0; reason < MASQ_REASON_COUNT; ++reason) {
      const std::uint32_t key = MASQ_COUNTER(direction, reason);
      if (bpf_map_lookup_elem(fd->get(), &key, per_cpu.data()) != 0)
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
  auto fd = open_pinned_map(pins, map_name("births", family));
  if (!fd) return std::unexpected(fd.error());
  std::vector<masq_births> per_cpu(static_cast<std::size_t>(libbpf_num_possible_cpus()));
  const std::uint32_t key = 0;
  if (bpf_map_lookup_elem(fd->get(), &key, per_cpu.data()) != 0)
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

template <class Abi>
Result<void> add_ip_masq(const Pins& pins, std::vector<IpMasqEntry>& entries) {
  auto policy = open_pinned_map(pins, map_name("policy", Abi::family));
  if (!policy) return std::unexpected(policy.error());
  std::uint32_t zero = 0, id = 0;
  if (bpf_map_lookup_elem(policy->get(), &zero, &id) != 0) return {};  // no policy was written yet
  Fd rules(bpf_map_get_fd_by_id(id));
  if (!rules) return fail("policy rules: {}", std::strerror(errno));
  typename Abi::PolicyKey key{}, next{};
  for (void* previous = nullptr; bpf_map_get_next_key(rules.get(), previous, &next) == 0; previous = &key) {
    key = next;
    masq_policy value{};
    if (bpf_map_lookup_elem(rules.get(), &key, &value) != 0 || value.ip_masq == MASQ_IP_MASQ_NONE) continue;
    entries.push_back({.cidr = Cidr(to_address<Abi>(key.address), static_cast<int>(key.prefix_length)),
                       .masquerade = value.ip_masq == MASQ_IP_MASQ_MASQUERADE});
  }
  return {};
}

}  // namespace

Result<void> read_bpf_mappings(const std::filesystem::path& bpf_root,
                               const std::function<void(const Mapping&)>& visit) {
  const Pins pins(bpf_root);
  if (auto done = visit_mappings<Abi4>(pins, visit); !done) return done;
  return visit_mappings<Abi6>(pins, visit);
}

Result<std::vector<Address>> read_bpf_external_addresses(const std::filesystem::path& bpf_root) {
  const Pins pins(bpf_root);
  std::set<Address> found;
  std::error_code none;
  if (!std::filesystem::exists(pins.map(map_name("mappings", Family::ipv4)), none)) return std::vector<Address>{};
  if (auto done = add_external_addresses<Abi4>(pins, found); !done) return std::unexpected(done.error());
  if (auto done = add_external_addresses<Abi6>(pins, found); !done) return std::unexpected(done.error());
  return std::vector<Address>(found.begin(), found.end());
}

Result<Counters> read_bpf_counters(const std::filesystem::path& bpf_root) {
  const Pins pins(bpf_root);
  Counters counters;
  for (const Family family : {Family::ipv4, Family::ipv6}) {
    auto control = read_control(pins, family);
    if (!control) return std::unexpected(control.error());
    counters.tables.push_back({.family = family, .used = control->used, .left = control->left});
    counters.mappings_created[family == Family::ipv4 ? 0 : 1] = control->created;
    if (auto added = add_packets(pins, family, counters); !added) return std::unexpected(added.error());
    if (auto added = add_creation_stats(pins, family, counters); !added) return std::unexpected(added.error());
  }
  return counters;
}

Result<std::vector<IpMasqEntry>> read_bpf_ip_masq(const std::filesystem::path& bpf_root) {
  std::vector<IpMasqEntry> entries;
  const Pins pins(bpf_root);
  if (auto added = add_ip_masq<Abi4>(pins, entries); !added) return std::unexpected(added.error());
  if (auto added = add_ip_masq<Abi6>(pins, entries); !added) return std::unexpected(added.error());
  std::ranges::sort(entries);
  return entries;
}

}  // namespace masq
