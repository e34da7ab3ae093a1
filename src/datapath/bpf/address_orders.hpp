// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "base/address.hpp"
#include "base/result.hpp"
#include "datapath/bpf/pins.hpp"
#include "datapath/bpf/tcp_frame.hpp"
#include "datapath/datapath.hpp"

namespace masq {

// Writes orders into mappings whose external address has changed (enum masq_order in bpf/abi/mapping.h): they wait
// while it is unavailable, continue when it returns, and end when it is lost. The pod of a TCP connection that ends
// gets a RST, which arrives by the uplink as from the remote side. The pod accepts it only with the expected sequence
// number (RFC 5961 3.2), and the table has an older one: so the pod is made to send it, and the RST of the next round
// fits.
class AddressOrders {
 public:
  explicit AddressOrders(const Pins& pins) : pins_(pins) {}

  // What is wanted from now on. `inject`: descriptor of the program masq_inject.
  void want(const Desired& desired, int inject);
  // Work is left for step(), and when it is due. None: it is done.
  std::optional<std::chrono::milliseconds> next_step() const;
  // Does a part of it, as sending takes time; `steps` gets a line for what a round has changed.
  Result<void> step(Steps& steps);
  const std::vector<Address>& away() const { return away_; }

 private:
  struct Found {
    std::uint64_t wait = 0;
    std::uint64_t go_on = 0;
    std::uint64_t ended = 0;
    int told = 0;
  };

  template <class Abi>
  Result<void> look(std::uint32_t& position, Found& found);
  template <class Abi>
  void judge(typename Abi::Mapping& slot, Found& found);
  template <class Abi>
  void end_or_tell(typename Abi::Mapping& slot, const typename Abi::Mapping& raw, Found& found);
  void let_come_in(const TcpSegment& segment) const;
  template <class Abi>
  void tell_pod(const typename Abi::Mapping& raw) const;
  int device_of(const Address& external) const;
  void say(const Found& found, Steps& steps) const;

  const Pins& pins_;
  std::vector<Address> away_, departed_;  // sorted
  std::map<Address, int> devices_;        // where an external address is, or was last
  int any_uplink_ = 0;
  int inject_ = -1;
  bool started_ = false;                         // an earlier process may have left mappings waiting
  int rounds_left_ = 0;                          // through the whole table
  std::uint32_t position4_ = 0, position6_ = 0;  // where the round goes on in the tables
};

}  // namespace masq
