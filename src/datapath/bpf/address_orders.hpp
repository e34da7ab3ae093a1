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
#include "datapath/bpf/table_slot.hpp"
#include "datapath/bpf/tcp_frame.hpp"
#include "datapath/datapath.hpp"

namespace masq::bpf {

// Applies the state of external addresses to the table's mappings (enum masq_order in bpf/abi/mapping.h): they wait
// while the address is unavailable, continue when it returns, and end when it is lost. When a TCP connection ends, the
// pod receives a RST with the source of the remote side through the ingress of the uplink. TCP accepts a RST only with
// the expected sequence number (RFC 5961 3.2), of which the table has an older value. A probe therefore makes the pod
// send the current number, and the RST of the next round has it.
class AddressOrders {
 public:
  explicit AddressOrders(const Pins& pins) : pins_(pins) {}

  // Sets the target state. `inject`: descriptor of the program masq_inject.
  void want(const Desired& desired, int inject);
  // Returns the delay until the next step(), or nullopt if no work remains.
  std::optional<std::chrono::milliseconds> next_step() const;
  // Does a part of the work, because sending takes time. Appends a line to `steps` for the changes of a round.
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
  void judge(TableSlot<Abi>& slot, Found& found);
  template <class Abi>
  void end_or_tell(TableSlot<Abi>& slot, Found& found);
  void let_come_in(const TcpSegment& segment) const;
  template <class Abi>
  void tell_pod(const typename Abi::Mapping& raw) const;
  int device_of(const Address& external) const;
  void say(const Found& found, Steps& steps) const;

  const Pins& pins_;
  std::vector<Address> away_, departed_;  // sorted
  std::map<Address, int> devices_;        // the device of an external address, or its last device
  int any_uplink_ = 0;
  int inject_ = -1;
  bool started_ = false;                         // an earlier process may have left waiting mappings
  int rounds_left_ = 0;                          // through the whole table
  std::uint32_t position4_ = 0, position6_ = 0;  // start of the next step in the tables
};

}  // namespace masq::bpf
