// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "model/desired.hpp"

namespace masq {

// The decision for the first packet of a connection that leaves through an uplink, with its reason.
struct Explanation {
  struct External {
    std::string device;
    std::vector<Address> addresses;  // several: a pool; none: the packet is dropped
    bool operator==(const External&) const = default;
  };

  bool masqueraded = false;
  std::string reason;               // "10.0.0.0/8 is excluded by the ip-masq-agent"
  std::optional<Cidr> rule;         // the deciding prefix, if any
  std::vector<External> externals;  // when masqueraded: external addresses per uplink
  bool by_route = false;            // the source address that the route selects takes precedence
  bool operator==(const Explanation&) const = default;
};

Explanation explain(const Desired& desired, const Address& source, const Address& destination);

// "masqueraded as 192.0.2.10: no exclusion matches", "not masqueraded: …"
std::string to_string(const Explanation& explanation);

}  // namespace masq
