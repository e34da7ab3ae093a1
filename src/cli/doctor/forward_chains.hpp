// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/cidr.hpp"

namespace masq::cli {

// The tables, such as "ip filter", that have a chain on the forward hook, in the output of `nft list chains`.
std::vector<std::string> tables_on_forward_hook(std::string_view chains);

// A chain on the forward hook that drops what none of its rules accepts.
struct DroppingChain {
  std::string table;  // "ip filter"
  std::string chain;  // "FORWARD"
  bool operator==(const DroppingChain&) const = default;
};

// Finds them in the output of `nft list ruleset` or of a part of it: by their policy, or by a last rule that drops or
// rejects everything.
std::vector<DroppingChain> dropping_chains(std::string_view ruleset);

// The command that lets the packets of pods pass this chain, in the words of the product that made it.
std::string remedy_for(const DroppingChain& chain, std::string_view ruleset, std::string_view pod_cidr);

// A table of family ip sees no IPv6 packets, one of ip6 no IPv4 packets; bridge and netdev see no routed ones.
bool sees(std::string_view table, std::string_view pod_cidr);

// A prefix in the rules contains these pods; rules may name those of the whole cluster. 0.0.0.0/0 and ::/0 do not
// count.
bool is_named_in(const std::string& rules, const Cidr& pods);

}  // namespace masq::cli
