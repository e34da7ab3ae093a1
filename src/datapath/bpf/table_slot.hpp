// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <cstring>

#include "base/result.hpp"
#include "bpf/abi/mapping.h"
#include "bpf/abi/reasons.h"
#include "datapath/bpf/pinned_table.hpp"
#include "datapath/bpf/pins.hpp"

namespace masq::bpf {

// A linked slot of the table, which the programs change meanwhile (bpf/nat/index.h). All changes of mappings from user
// space are in this class: the atomic store of an order, and the exchange of `seen`.
template <class Abi>
class TableSlot {
 public:
  using Raw = typename Abi::Mapping;

  explicit TableSlot(Raw& shared) : shared_(shared) { read(); }

  // Returns a copy.
  const Raw& raw() const { return raw_; }
  bool is_linked() const { return raw_.slot == MASQ_SLOT_LINKED; }
  // Also a mapping that ended is linked, until the sweep.
  bool is_alive() const { return is_linked() && raw_.seen != 0; }
  bool is_connection() const { return raw_.flow.kind == MASQ_KIND_CONNECTION; }
  bool is_translated() const { return raw_.reason == MASQ_REASON_TRANSLATED; }

  // The engine acts on the order at the mapping's next packet (enum masq_order).
  void set_order(masq_order order) {
    raw_.order = static_cast<std::uint8_t>(order);
    __atomic_store_n(&shared_.order, raw_.order, __ATOMIC_RELEASE);
  }
  // The mapping keeps its port for the timeout of this state.
  void set_state(masq_state state) {
    raw_.state = static_cast<std::uint8_t>(state);
    __atomic_store_n(&shared_.state, raw_.state, __ATOMIC_RELAXED);
  }
  // Ends the connection that raw() shows: writes 0 into `seen`, and the sweep does the rest (bpf/nat/sweep.h). If a
  // packet refreshes it meanwhile, or the slot gets another connection, the slot is read again, and the connection ends
  // if `wanted` still returns true. Returns false if it did not end.
  template <class Wanted>
  bool end(Wanted wanted) {
    for (int attempt = 0; attempt < max_attempts && is_alive() && (attempt == 0 || wanted()); ++attempt) {
      auto seen = raw_.seen;
      if (__atomic_compare_exchange_n(&shared_.seen, &seen, 0, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED)) return true;
      read();
    }
    return false;
  }

 private:
  static constexpr int max_attempts = 16;  // for a mapping that packets keep refreshing

  // `seen` is read first and exchanged last: another connection in the slot has a later `seen`, so that its exchange
  // fails.
  void read() {
    const auto seen = __atomic_load_n(&shared_.seen, __ATOMIC_ACQUIRE);
    std::memcpy(&raw_, &shared_, sizeof raw_);
    raw_.seen = seen;
  }

  Raw& shared_;
  Raw raw_;
};

// Calls `visit` for the linked slots from `position` on, as long as it returns true. Sets `position` to the slot after
// the last one; a table without further slots has its end there.
template <class Abi, class Visit>
void visit_slots(PinnedTable<Abi>& table, std::uint32_t& position, Visit visit) {
  for (bool more = true; more && position < table.end(); ++position) {
    TableSlot<Abi> slot(table.slots[position]);
    if (slot.is_linked()) more = visit(slot);
  }
}

// Calls `visit` with each linked slot of the pinned table, and with the table's time in ticks. Changes of a slot
// require Access::change.
template <class Abi, class Visit>
Result<void> for_each_slot(const Pins& pins, Access access, Visit visit) {
  TRY(auto table, PinnedTable<Abi>::open(pins, access));
  std::uint32_t position = 0;
  visit_slots<Abi>(table, position, [&](TableSlot<Abi>& slot) {
    visit(slot, table.control.clock);
    return true;
  });
  return {};
}

}  // namespace masq::bpf
