// SPDX-License-Identifier: Apache-2.0
#include "datapath/netfilter/foreign_rules.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <deque>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/address.hpp"
#include "base/result.hpp"
#include "datapath/netfilter/nat_rules.hpp"
#include "datapath/netfilter/nft.hpp"
#include "model/finding.hpp"
#include "os/file.hpp"
#include "os/process.hpp"

namespace masq::netfilter {
namespace {

constexpr std::size_t max_listed_chains = 256;  // then the whole ruleset is listed
constexpr std::size_t max_named_rules = 16;

// Names that nft reads as one word. Others are found in a listing of the whole ruleset.
bool is_nft_word(std::string_view name) {
  constexpr auto is_part = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  };
  return !name.empty() && std::ranges::all_of(name, is_part);
}

bool names_verdict_map(const std::string& json) {
  return json.contains("\"vmap\"") && json.contains("\"@");
}

class ForeignRuleSearch {
 public:
  ForeignRuleSearch(const RuleLists& lists, const MasqueradedTraffic& traffic) : lists_(lists), traffic_(traffic) {}

  std::vector<Finding> run() {
    search_nft();
    search_legacy(Family::ipv4, "iptables-legacy-save");
    search_legacy(Family::ipv6, "ip6tables-legacy-save");
    if (named_ > max_named_rules)
      findings_.push_back({FindingKind::other_masquerading,
                           fmt::format("{} more rules masquerade the same packets", named_ - max_named_rules)});
    return std::move(findings_);
  }

 private:
  using Table = std::pair<std::string, std::string>;  // family, name

  void search_nft() {
    const auto listed = lists_.nft("list chains", Nft::Form::json);
    if (!listed) return fail_to_read("nftables", listed.error());
    std::map<Table, std::vector<std::string>> tables;
    for (const auto& base : nat_chains_at_postrouting(*listed))
      if (base.family != "inet" || base.table != nft_table_name)
        tables[{base.family, base.table}].push_back(base.chain);
    for (const auto& [table, bases] : tables) search_nft_table(table, bases);
  }

  void search_nft_table(const Table& table, const std::vector<std::string>& bases) {
    const auto& [family, name] = table;
    const auto what = fmt::format("table {} {}", family, name);
    auto rules = list_reachable(table, bases);
    if (!rules) rules = list_ruleset(table);
    if (!rules) return fail_to_read(what, rules.error());
    if (rules->has_xt && name == "nat" && read_as_iptables(family)) return;
    for (const auto& base : bases) {
      if (family != "ip6") name_rules(rules->chains, base, Family::ipv4, what);
      if (family != "ip") name_rules(rules->chains, base, Family::ipv6, what);
    }
  }

  // Lists the chains that packets can reach: the others may be many thousands.
  Result<NftNatTable> list_reachable(const Table& table, const std::vector<std::string>& bases) {
    NftNatTable rules;
    std::deque<std::string> next(bases.begin(), bases.end());
    std::set<std::string> seen(bases.begin(), bases.end());
    for (; !next.empty(); next.pop_front()) {
      const auto& [family, name] = table;
      if (!is_nft_word(name) || !is_nft_word(next.front()) || seen.size() > max_listed_chains)
        return fail("{}: not listed alone", next.front());
      const auto command = fmt::format("list chain {} {} {}", family, name, next.front());
      TRY(const auto json, lists_.nft(command, Nft::Form::json));
      TRY(const auto text, lists_.nft(command, Nft::Form::rules));
      if (names_verdict_map(json)) return fail("{}: a verdict map", next.front());
      add_nft_rules(rules, family, name, json, text);
      for (const auto& rule : rules.chains[next.front()])
        if (!rule.target.empty() && seen.insert(rule.target).second) next.push_back(rule.target);
    }
    return rules;
  }

  Result<NftNatTable> list_ruleset(const Table& table) {
    TRY(const auto json, lists_.nft("list ruleset", Nft::Form::json));
    TRY(const auto text, lists_.nft("list ruleset", Nft::Form::rules));
    NftNatTable rules;
    add_nft_rules(rules, table.first, table.second, json, text);
    return rules;
  }

  // The rules of iptables-nft, in its own words. Returns false if its tools are absent.
  bool read_as_iptables(const std::string& family) {
    const auto* const tool = family == "ip" ? "iptables-nft-save" : "ip6tables-nft-save";
    const auto saved = lists_.run({tool, "-t", "nat"});
    if (!saved || saved->status != 0 || !saved->out.contains("*nat")) return false;
    name_rules(parse_nat_of_iptables(saved->out), "POSTROUTING", family == "ip" ? Family::ipv4 : Family::ipv6,
               family == "ip" ? "iptables" : "ip6tables");
    return true;
  }

  void search_legacy(Family family, const std::string& tool) {
    if (!lists_.legacy_tables(family).contains("nat")) return;
    const auto saved = lists_.run({tool, "-t", "nat"});
    if (!saved) return fail_to_read(tool, saved.error());
    if (saved->status != 0) return fail_to_read(tool, {os::first_line(saved->err)});
    name_rules(parse_nat_of_iptables(saved->out), "POSTROUTING", family,
               family == Family::ipv4 ? "iptables-legacy" : "ip6tables-legacy");
  }

  void name_rules(const NatChains& chains, const std::string& base, Family family, const std::string& where) {
    const auto found = masquerading_rules(chains, base, traffic_, family);
    for (const auto& rule : found.rules) {
      auto line = fmt::format("{}: \"{}\" masquerades the same packets: remove this rule", where, rule.text);
      if (std::ranges::find(findings_, line, &Finding::text) != findings_.end()) continue;
      if (++named_ > max_named_rules) continue;
      findings_.push_back({FindingKind::other_masquerading, std::move(line)});
    }
    if (!found.is_complete) fail_to_read(where, {"more rules than masqd evaluates"});
  }

  void fail_to_read(const std::string& what, const Error& why) {
    findings_.push_back(
        {FindingKind::foreign_rules_unread, fmt::format("rules of other programs: {}: {}", what, why.message)});
  }

  const RuleLists& lists_;
  const MasqueradedTraffic& traffic_;
  std::size_t named_ = 0;
  std::vector<Finding> findings_;
};

}  // namespace

RuleLists RuleLists::of_this_machine() {
  return {.nft = Nft::list,
          .run = [](const auto& arguments) { return os::run_program(arguments, {}, std::chrono::seconds(5)); },
          .legacy_tables =
              [](Family family) {
                return os::read_file(
                           family == Family::ipv4 ? "/proc/net/ip_tables_names" : "/proc/net/ip6_tables_names", 4096)
                    .value_or("");
              }};
}

std::vector<Finding> find_foreign_masquerading(const RuleLists& lists, const MasqueradedTraffic& traffic) {
  if (traffic.sources.empty() || traffic.devices.empty()) return {};
  return ForeignRuleSearch(lists, traffic).run();
}

}  // namespace masq::netfilter
