// SPDX-License-Identifier: Apache-2.0
// Ends the connections of removed pods, because another pod may get the address at once.
#include <algorithm>
#include <cstdint>
#include <cstring>
#include <expected>
#include <filesystem>
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

namespace masq {
namespace {

// For a fragmented datagram from outside, the pod is the destination.
template <class Abi>
Address pod_of(const typename Abi::Mapping& raw) {
  return to_address<Abi>(raw.flow.kind == MASQ_KIND_DATAGRAM_IN ? raw.external : raw.flow.src);
}

// A mapping keeps its port for the timeout of a closed connection.
template <class Abi>
void rest_one(typename Abi::Mapping& slot, const std::vector<Address>& pods, Ended& ended) {
  typename Abi::Mapping raw;
  std::memcpy(&raw, &slot, sizeof raw);
  if (raw.slot != MASQ_SLOT_LINKED || raw.seen == 0 || raw.order == MASQ_ORDER_REST) return;
  if (!std::ranges::binary_search(pods, pod_of<Abi>(raw))) return;
  if (raw.flow.kind == MASQ_KIND_CONNECTION && raw.reason == MASQ_REASON_TRANSLATED) {
    __atomic_store_n(&slot.state, MASQ_STATE_CLOSING, __ATOMIC_RELAXED);
    __atomic_store_n(&slot.order, MASQ_ORDER_REST, __ATOMIC_RELEASE);
    ++ended.mappings;
  } else if (__atomic_exchange_n(&slot.seen, 0, __ATOMIC_ACQ_REL) != 0) {
    ++ended.left_alone;
  }
}

template <class Abi>
Result<void> rest_all(const Pins& pins, const std::vector<Address>& pods, Ended& ended) {
  if (std::ranges::none_of(pods, [](const Address& pod) { return pod.family() == Abi::family; })) return {};
  auto table = PinnedTable<Abi>::open(pins, Access::change);
  if (!table) return std::unexpected(table.error());
  for (std::uint32_t i = 0; i < table->end(); ++i) rest_one<Abi>(table->slots[i], pods, ended);
  return {};
}

}  // namespace

Result<Ended> rest_bpf_mappings(const std::filesystem::path& bpf_root, const std::vector<Address>& pods) {
  const Pins pins(bpf_root);
  Ended ended;
  if (auto done = rest_all<Abi4>(pins, pods, ended); !done) return std::unexpected(done.error());
  if (auto done = rest_all<Abi6>(pins, pods, ended); !done) return std::unexpected(done.error());
  return ended;
}

}  // namespace masq
