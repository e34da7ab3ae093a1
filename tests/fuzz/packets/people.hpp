// SPDX-License-Identifier: Apache-2.0
// The endpoints of the fuzzer, and the packets that they send on their own account.
#pragma once

#include <cstdint>
#include <vector>

#include "base/address.hpp"
#include "dice.hpp"
#include "engine.hpp"
#include "packet.hpp"
#include "wire.hpp"

namespace masq::bpf::fuzz {

// Few addresses and ports, so that connections meet.
struct People {
  explicit People(Family family);

  Family family;
  test::Cast cast;
  std::vector<Address> pods;
  std::vector<Address> world;   // masqueraded destinations
  std::vector<Address> spared;  // destinations that are not masqueraded: excluded, pods, multicast, …

  // Inside the source set.
  bool is_pod(const Address& address) const;
  // Not masqueraded, whatever the packet is.
  bool is_spared(const Address& address) const;

  // A packet or a fragment between these addresses: of any protocol, with options or extension headers.
  Bytes frame(const Address& from, const Address& to, bool from_pod, Dice& dice) const;
};

// Changes some bytes behind the Ethernet header, cuts the frame or extends it.
void mangle(Bytes& frame, Dice& dice);

}  // namespace masq::bpf::fuzz
