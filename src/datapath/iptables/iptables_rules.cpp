// SPDX-License-Identifier: Apache-2.0
#include "datapath/iptables/iptables_rules.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/address.hpp"
#include "base/cidr.hpp"
#include "datapath/netfilter/digest.hpp"
#include "datapath/netfilter/snat_rule.hpp"
#include "model/desired.hpp"

namespace masq::iptables {
namespace {

constexpr std::string_view mark = "masq: ";
constexpr const char* jump_with_table = "to masq, who made the table";
constexpr const char* jump_chain = "POSTROUTING";
constexpr const char* arrival_chain = "PREROUTING";
constexpr const char* nat_chain = "MASQ-POSTROUTING";
constexpr const char* decide_chain = "MASQ-DECIDE";
constexpr const char* guard_chain = "MASQ-GUARD";
constexpr const char* leak_chain = "MASQ-LEAK";
constexpr const char* origin_chain = "MASQ-ORIGIN";

IptablesRule make_rule(const std::string& match, const std::string& verdict, const std::string& meaning) {
  auto text = match.empty() ? "-j " + verdict : match + " -j " + verdict;
  auto comment = fmt::format("{}{} [{:08x}]", mark, meaning, netfilter::digest(text));
  return {.text = std::move(text), .comment = std::move(comment)};
}

std::string in_set(const char* what, Family family, const char* direction) {
  return fmt::format("-m set --match-set {} {}", ip_set_name(what, family), direction);
}

// Rules that lead from a chain of masq to the chain that decides about pods' packets through these devices.
std::vector<IptablesRule> from_pods(const std::vector<std::string>& devices, Family family, const char* chain) {
  std::vector<IptablesRule> rules;
  for (const auto& device : devices)
    rules.push_back(make_rule(fmt::format("-o {} {}", device, in_set("pods", family, "src")), chain,
                              fmt::format("pods by {}", device)));
  return rules;
}

// In the order of Cilium's documentation: node addresses, native routing CIDRs, then the rest.
std::vector<IptablesRule> exclusion_rules(const Desired& desired, Family family) {
  std::vector<IptablesRule> rules = {make_rule(in_set("nodes", family, "dst"), "RETURN", "other nodes"),
                                     make_rule(in_set("pods", family, "dst"), "RETURN", "pod CIDRs")};
  for (const auto& rule : desired.family(family).rules)
    if (rule.decision == Decision::exclude_native_routing && rule.destination.length() > 0)
      rules.push_back(make_rule("-d " + rule.destination.to_string(), "RETURN", "native routing CIDR"));
    else if (rule.decision == Decision::exclude_native_routing)
      rules.push_back(make_rule("", "RETURN", "native routing CIDR"));
  rules.push_back(make_rule(in_set("agent", family, "dst"), "RETURN", "excluded by the ip-masq-agent"));
  rules.push_back(make_rule(in_set("own", family, "dst"), "RETURN", "addresses of this node, broadcast"));
  if (family == Family::ipv4) rules.push_back(make_rule("-d 255.255.255.255", "RETURN", "broadcast"));
  rules.push_back(make_rule(family == Family::ipv4 ? "-d 224.0.0.0/4" : "-d ff00::/8", "RETURN", "multicast"));
  return rules;
}

void add_snat_rule(std::vector<IptablesRule>& rules, const netfilter::SnatRule& line, const Desired& desired,
                   bool has_random_fully) {
  auto when = "-o " + line.device;
  if (line.destination) when += " -d " + line.destination->to_string();
  const auto to = line.external.to_string();
  const auto with_port = line.external.family() == Family::ipv6 ? fmt::format("[{}]", to) : to;
  const auto* const random = !desired.kernel.random_fully ? "" : has_random_fully ? " --random-fully" : " --random";
  const auto meaning = "as " + to;
  for (const auto* protocol : {"tcp", "udp"}) {
    for (const auto& [sources, external] : netfilter::port_rules(desired)) {
      const auto from = sources ? fmt::format(" --sport {}:{}", sources->low, sources->high) : "";
      rules.push_back(make_rule(fmt::format("{} -p {}{}", when, protocol, from),
                                fmt::format("SNAT --to-source {}:{}{}", with_port, external.to_string(), random),
                                meaning));
    }
  }
  rules.push_back(make_rule(when, fmt::format("SNAT --to-source {}{}", to, random), meaning));
}

// iptables cannot select by a hash of an address, so the first address of a pool is used.
std::vector<IptablesRule> decide_rules(const Desired& desired, Family family, bool has_random_fully) {
  auto rules = exclusion_rules(desired, family);
  if (desired.family(family).enabled)
    for (const auto& line : netfilter::snat_rules(desired, family))
      if (line.share == 0) add_snat_rule(rules, line, desired, has_random_fully);
  return rules;
}

// These rules run before NAT: packets that NAT will not translate must not pass.
std::vector<IptablesRule> leak_rules(const Desired& desired, Family family) {
  std::vector<IptablesRule> rules = {
      make_rule("-m conntrack --ctdir REPLY", "RETURN", "replies of inbound connections"),
      make_rule("-m conntrack --ctstate SNAT", "RETURN", "masqueraded")};
  std::ranges::move(exclusion_rules(desired, family), std::back_inserter(rules));
  if (family == Family::ipv6)
    for (const int type : {133, 134, 135, 136, 137})
      rules.push_back(make_rule(fmt::format("-p ipv6-icmp --icmpv6-type {}", type), "RETURN", "neighbour discovery"));
  rules.push_back(make_rule("-m conntrack --ctstate ESTABLISHED,RELATED", "RETURN", "not masqueraded at its start"));
  for (const auto& uplink : desired.uplinks)
    if (!(family == Family::ipv4 ? uplink.ipv4 : uplink.ipv6).empty() && !desired.ports.empty())
      rules.push_back(make_rule(fmt::format("-o {} -m conntrack --ctstate NEW", uplink.name), "RETURN", "new"));
  rules.push_back(make_rule("-m conntrack --ctstate NEW", "DROP", "no_external_address"));
  rules.push_back(make_rule("", "DROP", "no_mapping"));
  return rules;
}

// First packets of pods (decision 0020). rpfilter asks whether the answer may leave by the device of the packet, and
// works in this hook only, where the uplink is not selected yet: packets for the node and for other pods are passed.
// Devices that share a route, and those of a VRF, are not compared.
std::vector<IptablesRule> origin_rules(const Desired& desired, Family family) {
  std::vector<IptablesRule> rules = {
      make_rule("-m addrtype --dst-type LOCAL", "RETURN", "for the node"),
      make_rule(in_set("pods", family, "dst"), "RETURN", "pod CIDRs"),
      make_rule(in_set("own", family, "dst"), "RETURN", "addresses of this node, broadcast"),
      make_rule(family == Family::ipv4 ? "-d 224.0.0.0/4" : "-d ff00::/8", "RETURN", "multicast")};
  for (const auto& device : desired.pod_devices.shared)
    rules.push_back(make_rule("-i " + device, "RETURN", "multipath routes and VRFs"));
  rules.push_back(make_rule("-m rpfilter", "RETURN", "the way back is the way that the packet took"));
  for (const auto& uplink : desired.uplinks) rules.push_back(make_rule("-i " + uplink.name, "DROP", "spoofed_source"));
  rules.push_back(make_rule(in_set("many", family, "src"), "RETURN", "pods that share a device"));
  rules.push_back(make_rule("", "DROP", "spoofed_source"));
  return rules;
}

struct Line {
  std::string_view text;
  std::string_view comment() const {
    const auto from = text.find("--comment \"");
    if (from == std::string_view::npos) return {};
    const auto begin = from + 11;
    return text.substr(begin, text.find('"', begin) - begin);
  }
};

// Calls `visit` with each line and its table, which a line such as "*nat" starts.
void each_line(std::string_view text, const auto& visit) {
  std::string_view table;
  while (!text.empty()) {
    const auto line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    if (line.starts_with('*')) table = line.substr(1);
    visit(table, line);
  }
}

// Other programs write lines too, of any shape: what lies behind the end is empty.
std::string_view after(std::string_view line, std::size_t from) {
  return line.substr(std::min(from, line.size()));
}

std::string_view word(std::string_view line, std::size_t from) {
  const auto rest = after(line, from);
  return rest.substr(0, rest.find(' '));
}

bool is_ours(std::string_view chain) {
  return chain.starts_with("MASQ-");
}

std::string render_line(const std::string& command, const IptablesRule& rule) {
  return fmt::format("{} -m comment --comment \"{}\" {}\n", command, rule.comment, rule.text);
}

// Removes jumps to obsolete chains first, and empties these chains.
std::string change_table(const char* table, const IptablesChains& actual, const IptablesChains& wanted) {
  if (actual == wanted) return {};
  std::string text = fmt::format("*{}\n", table), jumps, rules, ends;
  for (const auto& [chain, had] : actual) {
    if (!is_ours(chain)) {
      const auto want = wanted.find(chain);
      if (want != wanted.end() && want->second == had) continue;
      for (const auto& rule : had) jumps += fmt::format("-D {} {}\n", chain, rule.text);
    } else if (!wanted.contains(chain)) {
      text += fmt::format(":{} - [0:0]\n", chain);
      ends += fmt::format("-X {}\n", chain);
    }
  }
  for (const auto& [chain, want] : wanted) {
    const auto had = actual.find(chain);
    if (had != actual.end() && had->second == want) continue;
    if (is_ours(chain)) {
      text += fmt::format(":{} - [0:0]\n", chain);
      for (const auto& rule : want) rules += render_line("-A " + chain, rule);
    } else {
      for (const auto& rule : want) rules += render_line(fmt::format("-I {} 1", chain), rule);
    }
  }
  return text + jumps + rules + ends + "COMMIT\n";
}

std::vector<std::string> to_members(const std::vector<Cidr>& cidrs, const char* option = "") {
  std::vector<std::string> members;
  for (const auto& cidr : cidrs) {
    // hash:net does not accept a prefix of length 0.
    if (cidr.length() > 0) {
      members.push_back(cidr.to_string() + option);
      continue;
    }
    const auto upper = cidr.family() == Family::ipv4 ? "128.0.0.0/1" : "8000::/1";
    members.push_back(Cidr(cidr.address(), 1).to_string() + option);
    members.push_back(upper + std::string(option));
  }
  return members;
}

IpSet make_set(const char* what, Family family, const std::vector<Cidr>& cidrs) {
  IpSet set{.name = ip_set_name(what, family), .family = family, .members = to_members(cidrs)};
  std::ranges::sort(set.members);
  const auto [first, last] = std::ranges::unique(set.members);
  set.members.erase(first, last);
  return set;
}

// hash:net excludes an address inside a prefix by "nomatch".
IpSet pods_set(const FamilyPolicy& policy, Family family) {
  auto set = make_set("pods", family, policy.enabled ? policy.sources : std::vector<Cidr>());
  if (policy.enabled)
    for (const auto& address : policy.own_inside)
      std::ranges::move(to_members({Cidr::host(address)}, " nomatch"), std::back_inserter(set.members));
  std::ranges::sort(set.members);
  return set;
}

IpSet agent_set(const Desired& desired, Family family) {
  const auto& file = desired.ip_masq_agent_rules;
  auto set = make_set("agent", family, of_family(file.non_masquerade, family));
  for (const auto& cidr : of_family(file.masquerade, family))
    if (!std::ranges::binary_search(file.non_masquerade, cidr))
      std::ranges::move(to_members({cidr}, " nomatch"), std::back_inserter(set.members));
  std::ranges::sort(set.members);
  if (!desired.ip_masq_agent) set.members.clear();
  return set;
}

// Routes by which several pods are reached; the longest prefix decides, as in the routing table.
IpSet many_set(const PodDevices& devices, Family family) {
  auto set = make_set("many", family, of_family(devices.routes_of_many, family));
  std::ranges::move(to_members(of_family(devices.others_inside, family), " nomatch"), std::back_inserter(set.members));
  std::ranges::sort(set.members);
  return set;
}

}  // namespace

MadeTables made_tables(const std::string& saved) {
  const auto was_made = [&](const std::string& table, const IptablesChains& ours) {
    const auto jump = ours.find(jump_chain);
    if (jump == ours.end()) return !("\n" + saved).contains("\n*" + table + "\n");
    return jump->second.front().comment.starts_with(fmt::format("{}{}", mark, jump_with_table));
  };
  const auto state = parse_iptables(saved);
  return {.nat = was_made("nat", state.nat), .mangle = was_made("mangle", state.mangle)};
}

IptablesState iptables_state(const Desired& desired, Family family, const std::vector<std::string>& guarded,
                             const IptablesSetting& setting) {
  IptablesState state;
  state.nat[jump_chain] = {make_rule("", nat_chain, setting.made.nat ? jump_with_table : "to masq")};
  state.nat[nat_chain] = from_pods(guarded, family, decide_chain);
  state.nat[decide_chain] = decide_rules(desired, family, setting.has_random_fully);
  state.mangle[jump_chain] = {make_rule("", guard_chain, setting.made.mangle ? jump_with_table : "to masq")};
  state.mangle[guard_chain] = from_pods(guarded, family, leak_chain);
  state.mangle[leak_chain] = leak_rules(desired, family);
  if (!desired.kernel.verify_source || !setting.has_rpfilter) return state;
  state.mangle[arrival_chain] = {make_rule("-m conntrack --ctstate NEW " + in_set("pods", family, "src"), origin_chain,
                                           "first packets from pods")};
  state.mangle[origin_chain] = origin_rules(desired, family);
  return state;
}

IptablesState parse_iptables(const std::string& saved) {
  IptablesState state;
  each_line(saved, [&](std::string_view table, std::string_view line) {
    if (table != "nat" && table != "mangle") return;
    auto& chains = table == "nat" ? state.nat : state.mangle;
    if (line.starts_with(':') && is_ours(line.substr(1))) chains[std::string(word(line, 1))];
    const auto from = line.find("-A ");
    if (from == std::string_view::npos || line.starts_with('#')) return;
    const std::string chain(word(line, from + 3));
    const std::string comment(Line{line}.comment());
    // A foreign rule in a chain of masq must be removed.
    if (is_ours(chain) || comment.starts_with(mark))
      chains[chain].push_back({.text = std::string(after(line, from + 3 + chain.size() + 1)), .comment = comment});
  });
  return state;
}

std::uint64_t packets_of(const std::string& saved, const std::string& meaning) {
  std::uint64_t packets = 0;
  each_line(saved, [&](std::string_view, std::string_view line) {
    if (!line.starts_with('[') || !Line{line}.comment().starts_with(fmt::format("{}{} [", mark, meaning))) return;
    std::uint64_t count = 0;
    std::from_chars(line.data() + 1, line.data() + line.size(), count);
    packets += count;
  });
  return packets;
}

std::vector<std::string> guarded_devices(const IptablesState& state) {
  std::vector<std::string> devices;
  const auto chain = state.mangle.find(guard_chain);
  if (chain == state.mangle.end()) return devices;
  for (const auto& rule : chain->second) {
    constexpr std::string_view before = "masq: pods by ";
    if (!rule.comment.starts_with(before)) continue;
    const auto name = rule.comment.substr(before.size());
    devices.push_back(name.substr(0, name.rfind(" [")));
  }
  std::ranges::sort(devices);
  return devices;
}

std::string change_iptables(const IptablesState& actual, const IptablesState& wanted) {
  return change_table("nat", actual.nat, wanted.nat) + change_table("mangle", actual.mangle, wanted.mangle);
}

std::string ip_set_name(const char* what, Family family) {
  return fmt::format("masq-{}{}", what, static_cast<int>(family));
}

std::vector<IpSet> ip_sets(const Desired& desired, Family family) {
  const auto& policy = desired.family(family);
  std::vector<Cidr> nodes, own;
  for (const auto& rule : policy.rules) {
    if (rule.decision == Decision::exclude_node) nodes.push_back(rule.destination);
    if (rule.decision == Decision::exclude_own_address || rule.decision == Decision::exclude_broadcast)
      own.push_back(rule.destination);
  }
  return {pods_set(policy, family), make_set("nodes", family, nodes), make_set("own", family, own),
          agent_set(desired, family), many_set(desired.pod_devices, family)};
}

std::string render_ip_set(const IpSet& set, bool exists) {
  const auto name = exists ? set.name + "-new" : set.name;
  std::string text;
  auto out = std::back_inserter(text);
  fmt::format_to(out, "create {} hash:net family {} maxelem {}\n", name, set.family == Family::ipv4 ? "inet" : "inet6",
                 std::max<std::size_t>(65536, set.members.size() * 2));
  for (const auto& member : set.members) fmt::format_to(out, "add {} {}\n", name, member);
  if (exists) fmt::format_to(out, "swap {0} {1}\ndestroy {0}\n", name, set.name);
  return text;
}

std::vector<IpSet> parse_ip_sets(const std::string& saved) {
  std::vector<IpSet> sets;
  each_line(saved, [&](std::string_view, std::string_view line) {
    if (line.starts_with("create masq-")) {
      const auto v6 = line.contains(" family inet6");
      sets.push_back({.name = std::string(word(line, 7)), .family = v6 ? Family::ipv6 : Family::ipv4, .members = {}});
    } else if (line.starts_with("add masq-") && !sets.empty()) {
      auto member = std::string(after(line, 5 + word(line, 4).size()));
      if (const auto end = member.find(' '); !member.substr(0, end).contains('/'))
        member.insert(std::min(end, member.size()), sets.back().family == Family::ipv4 ? "/32" : "/128");
      sets.back().members.push_back(std::move(member));
    }
  });
  for (auto& set : sets) std::ranges::sort(set.members);
  return sets;
}

const IpSet* find_set(const std::vector<IpSet>& sets, const std::string& name) {
  const auto found = std::ranges::find(sets, name, &IpSet::name);
  return found == sets.end() ? nullptr : &*found;
}

}  // namespace masq::iptables
