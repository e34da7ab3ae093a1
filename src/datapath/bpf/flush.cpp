// SPDX-License-Identifier: Apache-2.0
// Ends mappings from user space: writing 0 into `seen` ends a mapping, and the kernel's sweep does the rest
// (bpf/nat/sweep.h).
#include <cstdint>
#include <cstring>
#include <expected>
#include <filesystem>
#include <functional>

#include "base/result.hpp"
#include "bpf/abi/mapping.h"
#include "bpf/abi/reasons.h"
#include "datapath/bpf/bpf_datapath.hpp"
#include "datapath/bpf/options.hpp"
#include "datapath/bpf/pinned_table.hpp"
#include "datapath/bpf/pins.hpp"
#include "datapath/datapath.hpp"

namespace masq {
namespace {

constexpr int max_attempts = 16;  // for a mapping that packets keep refreshing

// Fragmented datagrams expire after two seconds on their own.
template <class Raw>
bool may_end(const Raw& raw) {
  return raw.slot == MASQ_SLOT_LINKED && raw.flow.kind == MASQ_KIND_CONNECTION &&
         raw.reason != MASQ_REASON_INBOUND_CONNECTION;
}

template <class Abi>
Mapping describe(const typename Abi::Mapping& raw, std::uint32_t now) {
  auto mapping = to_mapping<Abi>(raw, now);
  if (raw.reason != MASQ_REASON_TRANSLATED) mapping.left_alone = reason_text(raw.reason).word;
  return mapping;
}

// Takes effect at the pod's next packet. Earlier, a packet from outside would make the connection an inbound one.
template <class Abi>
void forget_decision(typename Abi::Mapping& slot, const typename Abi::Mapping& raw, Ended& ended) {
  if (raw.order == MASQ_ORDER_FORGET) return;
  __atomic_store_n(&slot.order, MASQ_ORDER_FORGET, __ATOMIC_RELEASE);
  ++ended.left_alone;
}

// `seen` is read first and exchanged last. If the slot meanwhile belongs to another connection, its `seen` is later,
// and the exchange fails as it does when a packet refreshes the mapping. Then the slot is examined again.
template <class Abi>
void end_one(typename Abi::Mapping& slot, std::uint32_t now, const std::function<bool(const Mapping&)>& wanted,
             Ended& ended) {
  for (int attempt = 0; attempt < max_attempts; ++attempt) {
    std::uint32_t seen = __atomic_load_n(&slot.seen, __ATOMIC_ACQUIRE);
    typename Abi::Mapping raw;
    std::memcpy(&raw, &slot, sizeof raw);
    if (seen == 0 || !may_end(raw)) return;
    if (!wanted(describe<Abi>(raw, now))) return;
    if (raw.reason != MASQ_REASON_TRANSLATED) return forget_decision<Abi>(slot, raw, ended);
    if (!__atomic_compare_exchange_n(&slot.seen, &seen, 0, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED)) continue;
    ++ended.mappings;
    return;
  }
}

template <class Abi>
Result<void> end_mappings(const Pins& pins, const std::function<bool(const Mapping&)>& wanted, Ended& ended) {
  auto table = PinnedTable<Abi>::open(pins, Access::change);
  if (!table) return std::unexpected(table.error());
  for (std::uint32_t i = 0; i < table->end(); ++i) end_one<Abi>(table->slots[i], table->control.clock, wanted, ended);
  return {};
}

}  // namespace

Result<Ended> end_bpf_mappings(const std::filesystem::path& bpf_root,
                               const std::function<bool(const Mapping&)>& wanted) {
  const Pins pins(bpf_root);
  Ended ended;
  if (auto done = end_mappings<Abi4>(pins, wanted, ended); !done) return std::unexpected(done.error());
  if (auto done = end_mappings<Abi6>(pins, wanted, ended); !done) return std::unexpected(done.error());
  return ended;
}

}  // namespace masq
