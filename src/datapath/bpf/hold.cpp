// SPDX-License-Identifier: Apache-2.0
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <expected>
#include <filesystem>
#include <system_error>
#include <vector>

#include "base/address.hpp"
#include "base/result.hpp"
#include "bpf/abi/mapping.h"
#include "bpf/abi/reasons.h"
#include "datapath/bpf/bpf_datapath.hpp"
#include "datapath/bpf/options.hpp"
#include "datapath/bpf/pinned_table.hpp"
#include "datapath/bpf/pins.hpp"
#include "datapath/datapath.hpp"
#include "datapath/netfilter/connections.hpp"
#include "model/desired.hpp"

namespace masq {
namespace {

template <class Abi>
Result<void> remove_external_addresses(const Pins& pins) {
  auto uplinks = open_pinned_map(pins, map_name("uplinks", Abi::family));
  if (!uplinks) return std::unexpected(uplinks.error());
  std::uint32_t ifindex = 0;
  while (bpf_map_get_next_key(uplinks->get(), nullptr, &ifindex) == 0)
    if (bpf_map_delete_elem(uplinks->get(), &ifindex) != 0) return fail("uplinks: {}", std::strerror(errno));
  return {};
}

template <class Abi>
Result<void> write_external_addresses(const Pins& pins, const Desired& desired) {
  auto uplinks = open_pinned_map(pins, map_name("uplinks", Abi::family));
  if (!uplinks) return std::unexpected(uplinks.error());
  for (const auto& uplink : desired.uplinks) {
    const auto ifindex = static_cast<std::uint32_t>(uplink.ifindex);
    const auto value = make_uplink<Abi>(uplink);
    if (bpf_map_update_elem(uplinks->get(), &ifindex, &value, BPF_NOEXIST) != 0 && errno != EEXIST)
      return fail("uplinks: {}: {}", uplink.name, std::strerror(errno));
  }
  return {};
}

template <class Abi>
bool has_order(const typename Abi::Mapping& slot, std::uint8_t order) {
  return slot.slot == MASQ_SLOT_LINKED && slot.reason == MASQ_REASON_TRANSLATED && slot.order == order;
}

// A mapping with an order sends no packets, and must not start again when this is undone.
template <class Abi>
Result<void> hold(const Pins& pins) {
  if (auto done = remove_external_addresses<Abi>(pins); !done) return done;
  auto table = PinnedTable<Abi>::open(pins, Access::change);
  if (!table) return std::unexpected(table.error());
  for (std::uint32_t i = 0; i < table->end(); ++i) {
    auto& slot = table->slots[i];
    if (has_order<Abi>(slot, MASQ_ORDER_NONE)) __atomic_store_n(&slot.order, MASQ_ORDER_HOLD, __ATOMIC_RELAXED);
  }
  return {};
}

// conntrack may have entries for these connections. It must not translate them too, in case rules of other programs
// keep its NAT active.
template <class Abi>
Result<void> release(const Pins& pins, const Desired& desired) {
  auto table = PinnedTable<Abi>::open(pins, Access::change);
  if (!table) return std::unexpected(table.error());
  std::vector<std::uint32_t> held;
  std::vector<Mapping> mappings;
  for (std::uint32_t i = 0; i < table->end(); ++i) {
    const auto slot = table->slots.at(i);
    if (!has_order<Abi>(slot, MASQ_ORDER_HOLD)) continue;
    held.push_back(i);
    if (slot.flow.kind == MASQ_KIND_CONNECTION) mappings.push_back(to_mapping<Abi>(slot, table->control.clock));
  }
  if (auto done = forget_connections(mappings); !done) return done;
  for (const auto i : held) {
    auto& slot = table->slots[i];
    if (has_order<Abi>(slot, MASQ_ORDER_HOLD)) __atomic_store_n(&slot.order, MASQ_ORDER_NONE, __ATOMIC_RELAXED);
  }
  return write_external_addresses<Abi>(pins, desired);
}

bool has_table(const Pins& pins) {
  std::error_code none;
  return std::filesystem::exists(pins.map(map_name("mappings", Family::ipv4)), none);
}

}  // namespace

Result<bool> hold_bpf_mappings(const std::filesystem::path& bpf_root) {
  const Pins pins(bpf_root);
  if (!has_table(pins)) return false;
  if (auto done = hold<Abi4>(pins); !done) return std::unexpected(done.error());
  if (auto done = hold<Abi6>(pins); !done) return std::unexpected(done.error());
  return true;
}

Result<void> release_bpf_mappings(const std::filesystem::path& bpf_root, const Desired& desired) {
  const Pins pins(bpf_root);
  if (!has_table(pins)) return {};
  if (auto done = release<Abi4>(pins, desired); !done) return done;
  return release<Abi6>(pins, desired);
}

}  // namespace masq
