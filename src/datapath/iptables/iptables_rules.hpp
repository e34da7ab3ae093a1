// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "model/desired.hpp"

namespace masq {

// The chains of one family. A rule is known by its comment, which ends in a digest of its text: iptables-save prints
// rules in other words than it was given.
struct IptablesRule {
  std::string text;     // "-d 10.0.0.0/8 -j RETURN"; empty when it was read
  std::string comment;  // "masq: pod CIDRs [1a2b3c4d]"
  bool operator==(const IptablesRule& other) const { return comment == other.comment; }
};

// Chain -> rules. The chain of another's (POSTROUTING) has the one rule of ours that leads into ours.
using IptablesChains = std::map<std::string, std::vector<IptablesRule>>;

struct IptablesState {
  IptablesChains nat;
  IptablesChains mangle;
  bool operator==(const IptablesState&) const = default;
};

// Tables that were not there before masq, and that go with it: the jump rule's comment remembers.
struct MadeTables {
  bool nat = false;
  bool mangle = false;
};
MadeTables made_tables(const std::string& saved);

// What the machine's iptables is like, and what stood there before masq.
struct IptablesSetting {
  MadeTables made;
  bool has_random_fully = true;
};

// What has to be there. `guarded`: the devices by which no pod address may leave, sorted.
IptablesState iptables_state(const Desired& desired, Family family, const std::vector<std::string>& guarded,
                             const IptablesSetting& setting = {});

// What is there of ours, as iptables-save printed it.
IptablesState parse_iptables(const std::string& saved);
// Packets that rules of ours with this word in their comment have met.
std::uint64_t packets_of(const std::string& saved_with_counters, const std::string& meaning);
// The devices that a state guards, sorted.
std::vector<std::string> guarded_devices(const IptablesState& state);

// What `iptables-restore --noflush` takes to come from one to the other, each table in one transaction; empty: nothing.
std::string change_iptables(const IptablesState& actual, const IptablesState& wanted);

// A set of hash:net: the longest prefix that holds an address decides, `nomatch` says no.
struct IpSet {
  std::string name;
  Family family = Family::ipv4;
  std::vector<std::string> members;  // sorted: "10.0.0.0/8", "10.64.0.0/10 nomatch"
  bool operator==(const IpSet&) const = default;
};
std::vector<IpSet> ip_sets(const Desired& desired, Family family);
std::string ip_set_name(const char* what, Family family);
// What `ipset restore` takes to make the set, or to replace its members at one go.
std::string render_ip_set(const IpSet& set, bool exists);
// The sets of ours, as `ipset save` printed them.
std::vector<IpSet> parse_ip_sets(const std::string& saved);

}  // namespace masq
