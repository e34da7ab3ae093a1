// SPDX-License-Identifier: Apache-2.0
#include "datapath/bpf/address_orders.hpp"

#include <fmt/format.h>
#include <netinet/in.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>
#include <vector>

#include "base/address.hpp"
#include "base/result.hpp"
#include "bpf/abi/mapping.h"
#include "datapath/bpf/options.hpp"
#include "datapath/bpf/pinned_table.hpp"
#include "datapath/bpf/table_slot.hpp"
#include "datapath/bpf/tcp_frame.hpp"
#include "datapath/datapath.hpp"
#include "model/desired.hpp"
#include "os/device_address.hpp"

namespace masq::bpf {
namespace {

constexpr int rounds_to_end = 4;       // three rounds inform the pods, the last one ends the remaining mappings
constexpr int rounds_to_wait = 2;      // a program that started earlier may create one more mapping
constexpr int segments_a_step = 2048;  // some milliseconds
constexpr std::chrono::milliseconds within_a_round{10};   // other watches of the loop run in between
constexpr std::chrono::milliseconds between_rounds{100};  // time for the pods' replies

bool has(const std::vector<Address>& sorted, const Address& address) {
  return std::ranges::binary_search(sorted, address);
}

template <class Abi>
bool has_external_address(const TableSlot<Abi>& slot) {
  return slot.is_alive() && slot.is_translated() && slot.raw().flow.kind != MASQ_KIND_DATAGRAM_IN;
}

}  // namespace

void AddressOrders::want(const Desired& desired, int inject) {
  inject_ = inject;
  any_uplink_ = desired.uplinks.empty() ? 0 : desired.uplinks.front().ifindex;
  for (const auto& uplink : desired.uplinks)
    for (const auto* addresses : {&uplink.ipv4, &uplink.ipv6})
      for (const auto& address : *addresses) devices_[address] = uplink.ifindex;
  if (away_ == desired.unavailable && departed_ == desired.lost && started_) return;
  started_ = true;
  away_ = desired.unavailable;
  departed_ = desired.lost;
  rounds_left_ = departed_.empty() ? rounds_to_wait : rounds_to_end;
  position4_ = position6_ = 0;
}

int AddressOrders::device_of(const Address& external) const {
  const auto known = devices_.find(external);
  return known != devices_.end() ? known->second : any_uplink_;
}

// A lost segment does no harm: the pod's next segment has the same result.
void AddressOrders::let_come_in(const TcpSegment& segment) const {
  const int device = device_of(segment.to);
  if (device == 0) return;
  auto frame = tcp_frame(segment, os::device_address(device));
  __sk_buff context{};
  context.ifindex = static_cast<std::uint32_t>(device);
  bpf_test_run_opts run{};
  run.sz = sizeof run;
  run.data_in = frame.data();
  run.data_size_in = static_cast<std::uint32_t>(frame.size());
  run.ctx_in = &context;
  run.ctx_size_in = sizeof context;
  bpf_prog_test_run_opts(inject_, &run);
}

// Sends a RST with the sequence number that the pod expects according to the table, and a keep-alive probe (RFC 9293
// 3.8.4), which the pod answers with the current number.
template <class Abi>
void AddressOrders::tell_pod(const typename Abi::Mapping& raw) const {
  TcpSegment segment{.from = to_address<Abi>(raw.flow.dst),
                     .from_port = ntohs(raw.flow.dport),
                     .to = to_address<Abi>(raw.external),
                     .to_port = ntohs(raw.external_port),
                     .sequence = raw.pod_ack,
                     .acknowledgement = raw.pod_seq + 1,
                     .flags = TcpSegment::rst};
  let_come_in(segment);
  segment.sequence -= 1;
  segment.flags = TcpSegment::ack;
  let_come_in(segment);
}

// A TCP connection ends in the last round. A connection with packets from the pod only starts again with its next SYN.
template <class Abi>
void AddressOrders::end_or_tell(TableSlot<Abi>& slot, Found& found) {
  const auto& raw = slot.raw();
  if (raw.flow.protocol != IPPROTO_TCP || !slot.is_connection() || rounds_left_ == 1) {
    found.ended +=
        slot.end([&] { return has_external_address(slot) && has(departed_, to_address<Abi>(raw.external)); });
    return;
  }
  slot.set_order(MASQ_ORDER_WAIT);
  if (raw.pod_ack == 0 || raw.state == MASQ_STATE_NEW) return;
  tell_pod<Abi>(raw);
  ++found.told;
}

template <class Abi>
void AddressOrders::judge(TableSlot<Abi>& slot, Found& found) {
  if (!has_external_address(slot)) return;
  const auto external = to_address<Abi>(slot.raw().external);
  if (has(departed_, external)) return end_or_tell(slot, found);
  const auto order = slot.raw().order;
  const bool waits = order == MASQ_ORDER_WAIT;
  if (has(away_, external) == waits || (!waits && order != MASQ_ORDER_NONE)) return;
  slot.set_order(waits ? MASQ_ORDER_NONE : MASQ_ORDER_WAIT);
  ++(waits ? found.go_on : found.wait);
}

// Continues from `position`, and stops at the end of the table.
template <class Abi>
Result<void> AddressOrders::look(std::uint32_t& position, Found& found) {
  TRY(auto table, PinnedTable<Abi>::open(pins_, Access::change));
  if (found.told >= segments_a_step) return {};
  visit_slots<Abi>(table, position, [&](TableSlot<Abi>& slot) {
    judge(slot, found);
    return found.told < segments_a_step;
  });
  return {};
}

void AddressOrders::say(const Found& found, Steps& steps) const {
  if (found.wait != 0) steps.push_back(fmt::format("suspend {} mappings until their address returns", found.wait));
  if (found.go_on != 0) steps.push_back(fmt::format("resume {} mappings: their address returned", found.go_on));
  if (found.ended != 0) steps.push_back(fmt::format("end {} mappings: their address is lost", found.ended));
}

std::optional<std::chrono::milliseconds> AddressOrders::next_step() const {
  if (rounds_left_ == 0) return std::nullopt;
  return position4_ == 0 && position6_ == 0 ? between_rounds : within_a_round;
}

Result<void> AddressOrders::step(Steps& steps) {
  Found found;
  if (auto done = look<Abi4>(position4_, found); !done) return done;
  if (auto done = look<Abi6>(position6_, found); !done) return done;
  say(found, steps);
  if (found.told < segments_a_step) {
    --rounds_left_;
    position4_ = position6_ = 0;
  }
  return {};
}

}  // namespace masq::bpf
