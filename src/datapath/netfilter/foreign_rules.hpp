// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "datapath/netfilter/nat_rules.hpp"
#include "datapath/netfilter/nft.hpp"
#include "model/finding.hpp"
#include "os/process.hpp"

namespace masq::netfilter {

// The rules of the machine.
struct RuleLists {
  std::function<Result<std::string>(const std::string& command, Nft::Form form)> nft = Nft::list;
  // As run_program().
  std::function<Result<os::ProgramEnd>(const std::vector<std::string>& arguments)> run;
  // Returns the names of the tables of iptables-legacy: /proc/net/ip_tables_names.
  std::function<std::string(Family family)> legacy_tables;

  static RuleLists of_this_machine();
};

// Returns the rules of other programs, in nftables and both variants of iptables, that masquerade packets which masq
// masquerades too; and the tables that could not be read. It may take long: see ForeignRulesWatch.
std::vector<Finding> find_foreign_masquerading(const RuleLists& lists, const MasqueradedTraffic& traffic);

}  // namespace masq::netfilter
