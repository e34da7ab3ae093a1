// SPDX-License-Identifier: Apache-2.0
#include "agent/lifecycle/pod_watch.hpp"

#include <linux/if_ether.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <set>
#include <span>
#include <utility>
#include <vector>

#include "base/address.hpp"
#include "base/result.hpp"
#include "os/event_loop.hpp"
#include "os/netlink.hpp"
#include "os/netlink_events.hpp"
#include "os/timers.hpp"

namespace masq::agent {
namespace {

constexpr std::size_t max_devices = 1024;           // devices that are down but not removed
constexpr auto together = std::chrono::seconds(5);  // neighbours that the kernel deleted earlier have another reason

struct Message {  // of a neighbour message
  int family = 0;
  int ifindex = 0;
  std::span<const std::uint8_t> address, hardware;
  int master = 0;
};

std::vector<std::uint8_t> copy(std::span<const std::uint8_t> bytes) {
  return {bytes.begin(), bytes.end()};
}

Message neighbour_in(const nlmsghdr& message) {
  const auto& header = *static_cast<const ndmsg*>(NLMSG_DATA(&message));
  const auto attributes = os::NetlinkAttributes::of_message(message, sizeof header);
  return {.family = header.ndm_family,
          .ifindex = header.ndm_ifindex,
          .address = attributes.bytes(NDA_DST),
          .hardware = attributes.bytes(NDA_LLADDR),
          .master = static_cast<int>(attributes.u32(NDA_MASTER))};
}

bool is_address(std::span<const std::uint8_t> bytes) {
  return bytes.size() == 4 || bytes.size() == 16;
}

}  // namespace

Result<std::unique_ptr<PodWatch>> PodWatch::open(os::EventLoop& loop, const os::Timers& clock, RemovedHandler handler) {
  TRY(auto requests, os::NetlinkRequests::open());
  std::unique_ptr<PodWatch> watch(new PodWatch(clock, std::move(requests), std::move(handler)));
  TRY(watch->events_,
      os::NetlinkEvents::open(loop, RTMGRP_LINK | RTMGRP_NEIGH,
                              {.message = [raw = watch.get()](const nlmsghdr& message) { raw->record(message); },
                               .pause = [raw = watch.get()] { raw->flush_batch(); }}));
  return watch;
}

bool PodWatch::is_recent(const Lost& lost) const {
  return clock_.now() - lost.since < together;
}

void PodWatch::record(const nlmsghdr& message) {
  if (message.nlmsg_type == RTM_DELNEIGH) record_neighbour(message);
  if (message.nlmsg_type == RTM_DELLINK) record_device(message);
}

// A neighbour message precedes the message about the device that causes it.
void PodWatch::record_neighbour(const nlmsghdr& message) {
  const auto neighbour = neighbour_in(message);
  if (lost_.size() >= max_devices) lost_.clear();
  auto& lost = lost_[neighbour.ifindex];
  if (!is_recent(lost)) lost = {.since = clock_.now(), .neighbours = {}, .ports = {}};
  if (neighbour.family == AF_BRIDGE && neighbour.master != 0)
    lost.ports.insert({.bridge = neighbour.master, .behind = copy(neighbour.hardware)});
  else if (is_address(neighbour.address))
    lost.neighbours.insert({.address = Address::from_bytes(neighbour.address), .hardware = copy(neighbour.hardware)});
}

// A bridge reports a lost port by the same message type, of another family.
void PodWatch::record_device(const nlmsghdr& message) {
  const auto& header = *static_cast<const ifinfomsg*>(NLMSG_DATA(&message));
  if (header.ifi_family != AF_UNSPEC) return;
  auto lost = lost_.extract(header.ifi_index);
  if (!lost.empty() && is_recent(lost.mapped())) pending_.push_back(std::move(lost.mapped()));
}

void PodWatch::add_neighbours_behind(const std::set<Port>& ports, std::set<Address>& pods) {
  const ndmsg header{};
  const auto known = requests_.dump<std::pair<Port, Address>>(
      RTM_GETNEIGH, {reinterpret_cast<const std::uint8_t*>(&header), sizeof header},
      [](const nlmsghdr& message, auto& found) {
        const auto neighbour = neighbour_in(message);
        if (message.nlmsg_type == RTM_NEWNEIGH && is_address(neighbour.address))
          found.emplace_back(Port{.bridge = neighbour.ifindex, .behind = copy(neighbour.hardware)},
                             Address::from_bytes(neighbour.address));
      });
  if (!known) return;
  for (const auto& [port, address] : *known)
    if (ports.contains(port)) pods.insert(address);
}

// A bridge that loses its last port loses all its neighbours.
void PodWatch::add_lost_neighbours_behind(const Port& port, std::set<Address>& pods) const {
  const auto bridge = lost_.find(port.bridge);
  if (bridge == lost_.end() || !is_recent(bridge->second)) return;
  for (const auto& neighbour : bridge->second.neighbours)
    if (neighbour.hardware == port.behind) pods.insert(neighbour.address);
}

void PodWatch::flush_batch() {
  std::set<Address> pods;
  std::set<Port> ports;
  for (auto& lost : std::exchange(pending_, {})) {
    for (const auto& neighbour : lost.neighbours)
      if (!neighbour.address.is_multicast()) pods.insert(neighbour.address);
    ports.merge(lost.ports);
  }
  for (const auto& port : ports) add_lost_neighbours_behind(port, pods);
  if (!ports.empty()) add_neighbours_behind(ports, pods);
  if (!pods.empty()) removed_handler_({pods.begin(), pods.end()});
}

}  // namespace masq::agent
