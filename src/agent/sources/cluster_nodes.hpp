// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/address.hpp"
#include "base/cidr.hpp"
#include "base/result.hpp"
#include "os/timers.hpp"

namespace masq::agent {

// The part of a Node object that masq uses.
struct ClusterNode {
  std::vector<Cidr> pod_cidrs;     // spec.podCIDRs, or spec.podCIDR
  std::vector<Address> addresses;  // InternalIP and ExternalIP of status.addresses
  bool operator==(const ClusterNode&) const = default;
};
using ClusterNodes = std::map<std::string, ClusterNode>;  // by name

// Fails for an object without a name. A value of another type than the API's, or no CIDR or address, is left out.
Result<std::string> name_of(const nlohmann::json& object);
ClusterNode parse_node(const nlohmann::json& object);

// The text for `state-dir`, and back. `read_at` is in seconds since 1970.
struct SavedNodes {
  ClusterNodes nodes;
  std::chrono::system_clock::time_point read_at;
};
std::string to_text(const SavedNodes& saved);
Result<SavedNodes> parse_saved_nodes(std::string_view text);

// Decides whether a list of nodes is believed. An API server that has lost its data, or reads an old copy, would
// otherwise make all nodes masquerade traffic to each other. Of a list without any node, or without half of more than
// ten, the missing nodes are believed to be gone only when a second list lacks them too, or a minute later.
class ListDoubt {
 public:
  using Clock = os::Timers::Clock;
  static constexpr std::size_t few = 10;
  static constexpr auto believe_after = std::chrono::seconds(60);

  bool is_believed(const ClusterNodes& known, const ClusterNodes& listed, Clock::time_point now);

 private:
  std::set<std::string> missing_;  // in the last list that was not believed
  Clock::time_point since_;
};

}  // namespace masq::agent
