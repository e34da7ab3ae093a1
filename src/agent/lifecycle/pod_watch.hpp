// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <vector>

#include "base/address.hpp"
#include "os/netlink.hpp"
#include "os/netlink_events.hpp"

namespace masq::agent {

// Reports the addresses of removed pods. A pod is removed when its device is: its own device, on which the node has a
// neighbour entry for it, or the port of a bridge, on which the bridge has its hardware address and the node a
// neighbour entry with this address. The removal of a pod without recent traffic through the node is not detected.
class PodWatch {
 public:
  using RemovedHandler = std::function<void(const std::vector<Address>&)>;

  // `handler` receives each batch: sorted addresses, including neighbours that are no pods.
  static Result<std::unique_ptr<PodWatch>> open(os::EventLoop& loop, const os::Timers& clock, RemovedHandler handler);

 private:
  using HardwareAddress = std::vector<std::uint8_t>;
  struct Neighbour {
    Address address;
    HardwareAddress hardware;
    auto operator<=>(const Neighbour&) const = default;
  };
  struct Port {  // of a bridge
    int bridge = 0;
    HardwareAddress behind;
    auto operator<=>(const Port&) const = default;
  };
  // Neighbours that were lost on one device. The device may be down only, or a neighbour entry may have expired.
  struct Lost {
    os::Timers::Clock::time_point since;
    std::set<Neighbour> neighbours;
    std::set<Port> ports;
  };

  PodWatch(const os::Timers& clock, os::NetlinkRequests requests, RemovedHandler handler)
      : clock_(clock), requests_(std::move(requests)), removed_handler_(std::move(handler)) {}
  void record(const nlmsghdr& message);
  void record_neighbour(const nlmsghdr& message);
  void record_device(const nlmsghdr& message);
  void flush_batch();
  void add_neighbours_behind(const std::set<Port>& ports, std::set<Address>& pods);
  void add_lost_neighbours_behind(const Port& port, std::set<Address>& pods) const;

  bool is_recent(const Lost& lost) const;

  const os::Timers& clock_;
  os::NetlinkRequests requests_;
  RemovedHandler removed_handler_;
  std::map<int, Lost> lost_;   // by device
  std::vector<Lost> pending_;  // of removed devices
  std::unique_ptr<os::NetlinkEvents> events_;
};

}  // namespace masq::agent
