// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "model/desired.hpp"

namespace masq::iptables {

// The chains of one family. A rule is identified by its comment, which ends in a digest of its text, because
// iptables-save prints rules in other words.
struct IptablesRule {
  std::string text;     // "-d 10.0.0.0/8 -j RETURN"; empty if it was read from the kernel
  std::string comment;  // "masq: pod CIDRs [1a2b3c4d]"
  bool operator==(const IptablesRule& other) const { return comment == other.comment; }
};

// Chain -> rules. A foreign chain (POSTROUTING) has only the rule that jumps to masq's chain.
using IptablesChains = std::map<std::string, std::vector<IptablesRule>>;

struct IptablesState {
  IptablesChains nat;
  IptablesChains mangle;
  bool operator==(const IptablesState&) const = default;
};

// Tables that masq created and removes again; the comment of the jump rule records this.
struct MadeTables {
  bool nat = false;
  bool mangle = false;
};
MadeTables made_tables(const std::string& saved);

// Properties of the machine's iptables, and the tables that existed before masq.
struct IptablesSetting {
  MadeTables made;
  bool has_random_fully = true;
  bool has_rpfilter = true;
};

// Returns the required state. `guarded`: the devices through which no pod address may leave, sorted.
IptablesState iptables_state(const Desired& desired, Family family, const std::vector<std::string>& guarded,
                             const IptablesSetting& setting = {});

// Returns masq's rules in the output of iptables-save.
IptablesState parse_iptables(const std::string& saved);
// Returns the packets that matched masq's rules with this word in their comment.
std::uint64_t packets_of(const std::string& saved_with_counters, const std::string& meaning);
// Returns the devices that a state guards, sorted.
std::vector<std::string> guarded_devices(const IptablesState& state);

// Returns the input of `iptables-restore --noflush` for the change, one transaction per table; empty: no change.
std::string change_iptables(const IptablesState& actual, const IptablesState& wanted);

// A set of hash:net: the longest matching prefix decides; `nomatch` negates it.
struct IpSet {
  std::string name;
  Family family = Family::ipv4;
  std::vector<std::string> members;  // sorted: "10.0.0.0/8", "10.64.0.0/10 nomatch"
  bool operator==(const IpSet&) const = default;
};
std::vector<IpSet> ip_sets(const Desired& desired, Family family);
std::string ip_set_name(const char* what, Family family);
// Returns the input of `ipset restore` that creates the set, or replaces its members atomically.
std::string render_ip_set(const IpSet& set, bool exists);
// Returns masq's sets in the output of `ipset save`.
std::vector<IpSet> parse_ip_sets(const std::string& saved);
// Returns nullptr if there is no set of this name.
const IpSet* find_set(const std::vector<IpSet>& sets, const std::string& name);

}  // namespace masq::iptables
