// SPDX-License-Identifier: Apache-2.0
#include "datapath/bpf/bpf_datapath.hpp"
#include "datapath/bpf/pinned_table.hpp"

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
Result<void> hold(const Pins& pins) {
  if (auto done = remove_external_addresses<Abi>(pins); !done) return done;
  auto table = PinnedTable<Abi>::open(pins, Access::change);
  if (!table) return std::unexpected(table.error());
  for (std::uint32_t i = 0; i < table->end(); ++i) {
    auto& slot = table->slots[i];
    if (slot.slot == MASQ_SLOT_LINKED && slot.reason == MASQ_REASON_TRANSLATED)
      __atomic_store_n(&slot.order, MASQ_ORDER_HOLD, __ATOMIC_RELAXED);
  }
  return {};
}

}  // namespace

Result<void> hold_bpf_mappings(const std::filesystem::path& bpf_root) {
  const Pins pins(bpf_root);
  std::error_code none;
  if (!std::filesystem::exists(pins.map(map_name("mappings", Family::ipv4)), none)) return {};
  if (auto done = hold<Abi4>(pins); !done) return done;
  return hold<Abi6>(pins);
}

}  // namespace masq
