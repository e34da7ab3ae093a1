// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "base/cidr.hpp"
#include "model/desired.hpp"

namespace masq {

// The lists that are asked about a destination outside the source set, one after the other; each answers with its
// longest prefix that holds the destination.
struct DestinationLists {
  std::vector<Cidr> broadcast;
  std::vector<Cidr> native_routing;
  // The ip-masq-agent's two lists are asked together: the longer prefix decides, on a tie the exclusion. A match
  // among `masquerade` only takes the exclusion back: the lists below are still asked.
  std::vector<Cidr> non_masquerade;
  std::vector<Cidr> masquerade;
  std::vector<Cidr> nodes;
  std::vector<Cidr> own;
};

// All lists as one, in which the longest prefix alone gives the decision of the lists asked in order. Every prefix of
// every list is in it, sorted, once.
std::vector<PolicyRule> flatten(const DestinationLists& lists);

// The longest rule that holds `destination`; null: none does. `rules` as flatten() makes them.
const PolicyRule* find_rule(const std::vector<PolicyRule>& rules, const Address& destination);

}  // namespace masq
