// SPDX-License-Identifier: Apache-2.0
#include "datapath/bpf/bpf_table.hpp"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <set>
#include <system_error>
#include <vector>

#include "base/address.hpp"
#include "base/result.hpp"
#include "bpf/abi/mapping.h"
#include "bpf/abi/reasons.h"
#include "datapath/bpf/bpf_counters.hpp"
#include "datapath/bpf/options.hpp"
#include "datapath/bpf/pinned_table.hpp"
#include "datapath/bpf/pins.hpp"
#include "datapath/bpf/policy_map.hpp"
#include "datapath/bpf/table_slot.hpp"
#include "datapath/counters.hpp"
#include "datapath/mapping_table.hpp"
#include "os/own_directory.hpp"

namespace masq::bpf {
namespace {

template <class Abi>
bool is_mapping(const TableSlot<Abi>& slot) {
  return slot.is_alive() && slot.is_translated() && slot.is_connection();
}

template <class Abi>
Result<void> visit_mappings(const Pins& pins, const MappingVisitor& visit) {
  return for_each_slot<Abi>(pins, Access::read, [&](const TableSlot<Abi>& slot, std::uint32_t now) {
    if (is_mapping(slot)) visit(to_mapping<Abi>(slot.raw(), now));
  });
}

// Most mappings have the same address as the previous one.
template <class Abi>
Result<void> add_external_addresses(const Pins& pins, std::set<Address>& found) {
  typename Abi::Addr last{};
  return for_each_slot<Abi>(pins, Access::read, [&](const TableSlot<Abi>& slot, std::uint32_t) {
    if (!is_mapping(slot) || std::memcmp(&slot.raw().external, &last, sizeof last) == 0) return;
    last = slot.raw().external;
    found.insert(to_address<Abi>(last));
  });
}

// Fragmented datagrams expire after two seconds on their own.
template <class Abi>
bool may_end(const TableSlot<Abi>& slot) {
  return slot.is_alive() && slot.is_connection() && slot.raw().reason != MASQ_REASON_INBOUND_CONNECTION;
}

template <class Abi>
Mapping describe(const TableSlot<Abi>& slot, std::uint32_t now) {
  auto mapping = to_mapping<Abi>(slot.raw(), now);
  if (!slot.is_translated()) mapping.bypass_reason = reason_text(slot.raw().reason).word;
  return mapping;
}

// A decision is forgotten at the pod's next packet. Earlier, a packet from outside would make the connection an inbound
// one.
template <class Abi>
void end_one(TableSlot<Abi>& slot, std::uint32_t now, const MappingFilter& wanted, Ended& ended) {
  const auto is_wanted = [&] { return may_end(slot) && wanted(describe(slot, now)); };
  if (!is_wanted()) return;
  if (slot.is_translated()) {
    ended.mappings += slot.end([&] { return slot.is_translated() && is_wanted(); });
  } else if (slot.raw().order != MASQ_ORDER_FORGET) {
    slot.set_order(MASQ_ORDER_FORGET);
    ++ended.bypassed;
  }
}

template <class Abi>
Result<void> end_all(const Pins& pins, const MappingFilter& wanted, Ended& ended) {
  return for_each_slot<Abi>(pins, Access::change,
                            [&](TableSlot<Abi>& slot, std::uint32_t now) { end_one(slot, now, wanted, ended); });
}

// For a fragmented datagram from outside, the pod is the destination.
template <class Abi>
Address pod_of(const typename Abi::Mapping& raw) {
  return to_address<Abi>(raw.flow.kind == MASQ_KIND_DATAGRAM_IN ? raw.external : raw.flow.src);
}

template <class Abi>
void quarantine_one(TableSlot<Abi>& slot, const std::vector<Address>& pods, Ended& ended) {
  const auto is_of_pods = [&] { return std::ranges::binary_search(pods, pod_of<Abi>(slot.raw())); };
  if (!slot.is_alive() || slot.raw().order == MASQ_ORDER_REST || !is_of_pods()) return;
  if (is_mapping(slot)) {
    slot.set_state(MASQ_STATE_CLOSING);
    slot.set_order(MASQ_ORDER_REST);
    ++ended.mappings;
  } else if (slot.end(is_of_pods)) {
    ++ended.bypassed;
  }
}

template <class Abi>
Result<void> quarantine_all(const Pins& pins, const std::vector<Address>& pods, Ended& ended) {
  if (std::ranges::none_of(pods, [](const Address& pod) { return pod.family() == Abi::family; })) return {};
  return for_each_slot<Abi>(pins, Access::change,
                            [&](TableSlot<Abi>& slot, std::uint32_t) { quarantine_one(slot, pods, ended); });
}

}  // namespace

Result<bool> BpfTable::exists() {
  TRY_DO(os::check_own_directory(pins_.root()));
  std::error_code error;
  return std::filesystem::exists(pins_.root(), error);
}

Result<void> BpfTable::for_each(const MappingVisitor& visit) {
  if (auto done = visit_mappings<Abi4>(pins_, visit); !done) return done;
  return visit_mappings<Abi6>(pins_, visit);
}

Result<Ended> BpfTable::end(const MappingFilter& wanted) {
  Ended ended;
  TRY_DO(end_all<Abi4>(pins_, wanted, ended));
  TRY_DO(end_all<Abi6>(pins_, wanted, ended));
  return ended;
}

Result<Ended> BpfTable::quarantine(const std::vector<Address>& pods) {
  Ended ended;
  TRY_DO(quarantine_all<Abi4>(pins_, pods, ended));
  TRY_DO(quarantine_all<Abi6>(pins_, pods, ended));
  return ended;
}

Result<Counters> BpfTable::counters() {
  auto counters = read_counters(pins_);
  if (!counters) return counters;
  for (auto& table : counters->tables) {
    const auto& room = room_[table.family == Family::ipv4 ? 0 : 1];
    table.maximum = room.maximum;
    table.bytes = room.bytes;
  }
  return counters;
}

Result<std::vector<Address>> BpfTable::external_addresses() {
  std::set<Address> found;
  if (!has_table(pins_)) return std::vector<Address>{};
  TRY_DO(add_external_addresses<Abi4>(pins_, found));
  TRY_DO(add_external_addresses<Abi6>(pins_, found));
  return std::vector<Address>(found.begin(), found.end());
}

Result<std::vector<IpMasqEntry>> BpfTable::ip_masq() {
  std::vector<IpMasqEntry> entries;
  TRY_DO(add_ip_masq<Abi4>(pins_, entries));
  TRY_DO(add_ip_masq<Abi6>(pins_, entries));
  std::ranges::sort(entries);
  return entries;
}

}  // namespace masq::bpf
