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

namespace masq {

// Tells that pods are gone, by their addresses. A pod is gone when the device that led to it is: its own, to which the
// node knew it as a neighbour, or the port of a bridge, on which the bridge knew its hardware address and the node its
// neighbour by that. A pod that neither was known to get anything from this node lately is not noticed.
class PodWatch {
 public:
  using Gone = std::function<void(const std::vector<Address>&)>;

  // `gone` gets each batch: sorted, also addresses of neighbours that are no pods.
  static Result<std::unique_ptr<PodWatch>> open(EventLoop& loop, Gone gone);

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
  // What was lost on one device; it may be down only, or may have forgotten one who was silent.
  struct Lost {
    Timers::Clock::time_point since;
    std::set<Neighbour> neighbours;
    std::set<Port> ports;
  };

  PodWatch(Timers& timers, NetlinkRequests requests, Gone gone)
      : timers_(timers), requests_(std::move(requests)), gone_(std::move(gone)) {}
  void note(const nlmsghdr& message);
  void note_neighbour(const nlmsghdr& message);
  void note_device(const nlmsghdr& message);
  void conclude();
  void add_neighbours_behind(const std::set<Port>& ports, std::set<Address>& pods);
  void add_lost_neighbours_behind(const Port& port, std::set<Address>& pods) const;

  bool is_recent(const Lost& lost) const;

  Timers& timers_;
  NetlinkRequests requests_;
  Gone gone_;
  std::map<int, Lost> lost_;     // by device
  std::vector<Lost> concluded_;  // of devices that are gone
  std::unique_ptr<NetlinkEvents> events_;
};

}  // namespace masq
