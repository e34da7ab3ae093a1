// SPDX-License-Identifier: Apache-2.0
#include "datapath/bpf/bpf_handover.hpp"

#include <bpf/bpf.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <expected>
#include <vector>

#include "base/address.hpp"
#include "base/result.hpp"
#include "bpf/abi/mapping.h"
#include "datapath/bpf/options.hpp"
#include "datapath/bpf/pinned_table.hpp"
#include "datapath/bpf/pins.hpp"
#include "datapath/bpf/program.hpp"
#include "datapath/bpf/table_slot.hpp"
#include "datapath/mapping_table.hpp"
#include "datapath/netfilter/connections.hpp"
#include "model/desired.hpp"

namespace masq::bpf {
namespace {

template <class Abi>
Result<void> remove_external_addresses(const Pins& pins) {
  TRY(auto uplinks, open_pinned_map(pins, map_name("uplinks", Abi::family)));
  std::uint32_t ifindex = 0;
  while (bpf_map_get_next_key(uplinks.get(), nullptr, &ifindex) == 0)
    if (bpf_map_delete_elem(uplinks.get(), &ifindex) != 0) return fail("uplinks: {}", std::strerror(errno));
  return {};
}

template <class Abi>
Result<void> write_external_addresses(const Pins& pins, const Desired& desired) {
  TRY(auto uplinks, open_pinned_map(pins, map_name("uplinks", Abi::family)));
  for (const auto& uplink : desired.uplinks) {
    const auto ifindex = static_cast<std::uint32_t>(uplink.ifindex);
    const auto value = make_uplink<Abi>(uplink);
    if (bpf_map_update_elem(uplinks.get(), &ifindex, &value, BPF_NOEXIST) != 0 && errno != EEXIST)
      return fail("uplinks: {}: {}", uplink.name, std::strerror(errno));
  }
  return {};
}

// Gives the order `to` to the mappings that have the order `from`.
template <class Abi>
Result<void> change_orders(const Pins& pins, masq_order from, masq_order to) {
  return for_each_slot<Abi>(pins, Access::change, [&](TableSlot<Abi>& slot, std::uint32_t) {
    if (slot.is_translated() && slot.raw().order == from) slot.set_order(to);
  });
}

// Without external addresses no mapping is created. A mapping with another order sends no packets, and must not start
// again at the resumption.
template <class Abi>
Result<void> suspend_family(const Pins& pins) {
  if (auto done = remove_external_addresses<Abi>(pins); !done) return done;
  return change_orders<Abi>(pins, MASQ_ORDER_NONE, MASQ_ORDER_HOLD);
}

template <class Abi>
Result<std::vector<Mapping>> suspended_mappings(const Pins& pins) {
  std::vector<Mapping> found;
  TRY_DO(for_each_slot<Abi>(pins, Access::read, [&](const TableSlot<Abi>& slot, std::uint32_t now) {
    if (slot.is_translated() && slot.is_connection() && slot.raw().order == MASQ_ORDER_HOLD)
      found.push_back(to_mapping<Abi>(slot.raw(), now));
  }));
  return found;
}

// conntrack may have entries for these connections. It must not translate them too, in case rules of other programs
// keep its NAT active.
template <class Abi>
Result<void> resume_family(const Pins& pins, const Desired& desired) {
  TRY(const auto suspended, suspended_mappings<Abi>(pins));
  if (auto done = netfilter::forget_connections(suspended); !done) return done;
  if (auto done = change_orders<Abi>(pins, MASQ_ORDER_HOLD, MASQ_ORDER_NONE); !done) return done;
  return write_external_addresses<Abi>(pins, desired);
}

}  // namespace

Result<bool> BpfHandover::suspend() {
  if (!has_table(pins_)) return false;
  TRY_DO(suspend_family<Abi4>(pins_));
  TRY_DO(suspend_family<Abi6>(pins_));
  return true;
}

Result<void> BpfHandover::resume(const Desired& desired) {
  if (!has_table(pins_)) return {};
  if (auto done = resume_family<Abi4>(pins_, desired); !done) return done;
  return resume_family<Abi6>(pins_, desired);
}

// While conntrack translates these connections, it must see their replies unchanged; its translation precedes the
// programs'. So they are imported at the commit.
Result<void> BpfHandover::import_mappings(const std::vector<Mapping>& live) {
  if (!program_ || live.empty()) return {};
  // Before the hold, which stops new connections: the verifier takes a tenth of a second.
  if (auto loaded = program_->load_adopters(); !loaded) return loaded;
  program_->hold();
  return {};
}

template <class Abi>
Result<void> BpfHandover::import_family(const std::vector<Mapping>& live) const {
  TRY(const auto control, read_control(pins_, Abi::family));
  std::vector<typename Abi::Mapping> records;
  for (const auto& mapping : live)
    if (mapping.pod.family() == Abi::family && mapping.bypass_reason.empty())
      records.push_back(from_mapping<Abi>(mapping, control.clock));
  TRY_DO(program_->adopt<Abi>(records));
  return {};
}

// conntrack must not translate them a second time, in case rules of other programs keep its NAT active.
Result<void> BpfHandover::commit_import(const std::vector<Mapping>& live) {
  if (live.empty()) return {};
  auto done = import_family<Abi4>(live);
  if (done) done = import_family<Abi6>(live);
  if (done) done = netfilter::forget_connections(live);
  program_->release();
  return done;
}

void BpfHandover::abort_import() {
  if (program_) program_->release();
}

}  // namespace masq::bpf
