// SPDX-License-Identifier: Apache-2.0
// The output of iptables-save and of ipset save.
#include <string>

#include "base/address.hpp"
#include "base/cidr.hpp"
#include "datapath/iptables/iptables_rules.hpp"
#include "datapath/netfilter/nat_rules.hpp"
#include "target.hpp"

namespace masq::fuzz {

void fuzz_iptables(Input input) {
  const auto text = text_of(input);
  const auto state = iptables::parse_iptables(text);
  (void)iptables::guarded_devices(state);
  require(iptables::change_iptables(state, state).empty(), "a state is equal to itself");
  (void)iptables::made_tables(text);
  (void)iptables::packets_of(text, "created");
  (void)iptables::parse_ip_sets(text);
  const netfilter::MasqueradedTraffic traffic{.sources = {Cidr(*Address::parse("10.0.0.0"), 16)}, .devices = {"eth0"}};
  const auto chains = netfilter::parse_nat_of_iptables(text);
  (void)netfilter::masquerading_rules(chains, "POSTROUTING", traffic, Family::ipv4);
}

}  // namespace masq::fuzz
