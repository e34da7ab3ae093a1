// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <variant>
#include <vector>

#include "base/address.hpp"
#include "base/address_range.hpp"
#include "base/cidr.hpp"
#include "model/desired.hpp"

namespace masq::netfilter {

// Conditions of a rule of the hook postrouting, as far as they decide whether it concerns packets that masq
// masquerades.
struct FromSources {
  std::vector<AddressRange> any_of;
  bool negated = false;
};
struct ToDestinations {
  std::vector<AddressRange> any_of;
  bool negated = false;
};
struct ByDevices {
  std::vector<std::string> any_of;  // "eth0", "eth*"
  bool negated = false;
};
struct WithMark {  // of the packet or of its connection: (mark & mask) == value
  std::uint32_t mask = ~std::uint32_t{0};
  std::uint32_t value = 0;
  bool negated = false;
};
struct OfFamily {
  Family family = Family::ipv4;
  bool negated = false;
};
struct Never {};    // no packet that leaves through an uplink
struct Unknown {};  // some packets
using Condition = std::variant<FromSources, ToDestinations, ByDevices, WithMark, OfFamily, Never, Unknown>;

struct NatRule {
  // `ends`: no later rule of this base chain sees the packet (accept, drop).
  enum class Verdict : std::uint8_t { none, masquerades, ends, returns, jumps, goes };
  std::vector<Condition> conditions;
  Verdict verdict = Verdict::none;
  std::string target;  // of jumps and goes
  bool sets_mark = false;
  std::string text;  // as the program prints it
};

using NatChains = std::map<std::string, std::vector<NatRule>>;

// The packets that masq masquerades: of these sources, out of these devices, without a mark, to other destinations.
struct MasqueradedTraffic {
  std::vector<Cidr> sources;
  std::vector<std::string> devices;
  bool operator==(const MasqueradedTraffic&) const = default;
};
MasqueradedTraffic masqueraded_traffic(const Desired& desired);

struct MasqueradingRules {
  std::vector<NatRule> rules;  // in the order in which packets meet them
  bool is_complete = true;     // false: there are too many rules; the others were not evaluated
};

// Returns the rules that masquerade some of the traffic of one family and are reachable from the chain `base`. masq's
// own chains (MASQ-*) are passed over.
MasqueradingRules masquerading_rules(const NatChains& chains, const std::string& base,
                                     const MasqueradedTraffic& traffic, Family family);

// Objects of an nftables listing.
struct NftBaseChain {
  std::string family;  // "ip", "ip6", "inet"
  std::string table;
  std::string chain;
  auto operator<=>(const NftBaseChain&) const = default;
};
// Returns the base chains of type nat at postrouting, in the JSON of "list chains".
std::vector<NftBaseChain> nat_chains_at_postrouting(const std::string& json);

struct NftNatTable {
  NatChains chains;
  bool has_xt = false;  // rules of iptables-nft that nftables cannot express
};
// Adds the chains of one table. `json` and `text` are the same listing in both forms, with handles; verdict maps by
// name are in `json` too if the whole ruleset is listed.
void add_nft_rules(NftNatTable& result, const std::string& family, const std::string& table, const std::string& json,
                   const std::string& text);

// Parses the table nat in the output of iptables-save. An unknown condition matches some packets.
NatChains parse_nat_of_iptables(const std::string& saved);

}  // namespace masq::netfilter
