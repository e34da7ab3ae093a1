// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "model/desired.hpp"

namespace masq {

// What happens to the first packet of a connection that leaves through an uplink, and why.
struct Explanation {
  struct External {
    std::string device;
    std::vector<Address> addresses;  // more than one is a pool; none: the packet is dropped
    bool operator==(const External&) const = default;
  };

  bool masqueraded = false;
  std::string reason;               // "10.0.0.0/8 is excluded by the ip-masq-agent"
  std::optional<Cidr> rule;         // the prefix that decides, when one does
  std::vector<External> externals;  // when masqueraded: as what, by the uplink that it leaves through
  bool by_route = false;            // rather as the source address that its route selects
  bool operator==(const Explanation&) const = default;
};

Explanation explain(const Desired& desired, const Address& source, const Address& destination);

// "masqueraded as 192.0.2.10: no rule leaves the destination alone", "not masqueraded: …"
std::string to_string(const Explanation& explanation);

}  // namespace masq
