// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "base/cidr.hpp"
#include "model/desired.hpp"

namespace masq {

// The lists for destinations outside the source set, in the order of evaluation. In each list the longest matching
// prefix applies.
struct DestinationLists {
  std::vector<Cidr> broadcast;
  std::vector<Cidr> other_pods;  // the pod CIDRs of other nodes
  std::vector<Cidr> native_routing;
  // The ip-masq-agent's two lists are evaluated together: the longer prefix decides; on a tie the exclusion. A match in
  // `masquerade` only cancels the exclusion; the later lists are still evaluated.
  std::vector<Cidr> non_masquerade;
  std::vector<Cidr> masquerade;
  std::vector<Cidr> nodes;
  std::vector<Cidr> own;
};

// Merges all lists into one, in which the longest prefix alone gives the decision of the ordered lists. The result has
// every prefix of every list once, and is sorted.
std::vector<PolicyRule> flatten(const DestinationLists& lists);

// Returns the longest rule that contains `destination`, or null if there is none. `rules` must come from flatten().
const PolicyRule* find_rule(const std::vector<PolicyRule>& rules, const Address& destination);

}  // namespace masq
