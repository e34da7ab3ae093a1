// SPDX-License-Identifier: Apache-2.0
#include "datapath/netfilter/foreign_rules.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "datapath/netfilter/nft.hpp"
#include "os/file.hpp"
#include "os/process.hpp"

namespace masq::netfilter {
namespace {

using Json = nlohmann::json;

struct Chain {
  bool begins = false;  // a chain of type nat at postrouting
  bool masquerades = false;
  std::vector<std::string> leads_to;
};
using Chains = std::map<std::string, Chain>;

Json objects_of(const std::string& text) {
  const auto document = Json::parse(text, nullptr, false);
  return document.is_object() ? document.value("nftables", Json::array()) : Json::array();
}

std::string text_of(const Json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

void add_expression(Chain& chain, const Json& expression) {
  if (!expression.is_object()) return;
  if (expression.contains("masquerade") || expression.contains("snat")) chain.masquerades = true;
  if (const auto xt = expression.find("xt"); xt != expression.end() && xt->is_object())
    chain.masquerades |= text_of(*xt, "name") == "MASQUERADE" || text_of(*xt, "name") == "SNAT";
  for (const auto* verdict : {"jump", "goto"})
    if (const auto found = expression.find(verdict); found != expression.end())
      chain.leads_to.push_back(text_of(*found, "target"));
}

Chains chains_of(const Json& objects) {
  Chains chains;
  for (const auto& object : objects) {
    if (const auto found = object.find("chain"); found != object.end())
      chains[text_of(*found, "name")].begins =
          text_of(*found, "type") == "nat" && text_of(*found, "hook") == "postrouting";
    if (const auto found = object.find("rule"); found != object.end())
      for (const auto& expression : found->value("expr", Json::array()))
        add_expression(chains[text_of(*found, "chain")], expression);
  }
  return chains;
}

bool is_ours(const std::string& chain) {
  return chain.starts_with("MASQ-");
}

void visit(const Chains& chains, const std::string& name, std::set<std::string>& seen,
           std::vector<std::string>& masquerading) {
  const auto chain = chains.find(name);
  if (chain == chains.end() || is_ours(name) || !seen.insert(name).second) return;
  if (chain->second.masquerades) masquerading.push_back(name);
  for (const auto& next : chain->second.leads_to) visit(chains, next, seen, masquerading);
}

// Returns the tables with a NAT chain at postrouting, without masq's: "ip nat".
std::set<std::string> tables_with_source_nat() {
  std::set<std::string> tables;
  const auto listed = Nft::list("list chains");
  if (!listed) return tables;
  for (const auto& object : objects_of(*listed)) {
    const auto found = object.find("chain");
    if (found == object.end() || text_of(*found, "type") != "nat" || text_of(*found, "hook") != "postrouting") continue;
    const auto table = text_of(*found, "family") + " " + text_of(*found, "table");
    if (table != fmt::format("inet {}", nft_table_name)) tables.insert(table);
  }
  return tables;
}

void add_legacy(std::vector<std::string>& lines) {
  constexpr std::pair<const char*, const char*> variants[] = {{"ip", "iptables"}, {"ip6", "ip6tables"}};
  for (const auto& [family, tool] : variants) {
    const auto tables = os::read_file(fmt::format("/proc/net/{}_tables_names", family), 4096);
    if (!tables || !tables->contains("nat")) continue;
    const auto saved = os::run_program({fmt::format("{}-legacy-save", tool), "-t", "nat"});
    if (!saved) continue;
    for (const auto& chain : masquerading_chains_of_iptables(saved->out))
      lines.push_back(fmt::format("{}-legacy, table nat, chain {}: masquerades too", tool, chain));
  }
}

}  // namespace

std::vector<std::string> masquerading_chains(const std::string& json) {
  const auto chains = chains_of(objects_of(json));
  std::set<std::string> seen;
  std::vector<std::string> masquerading;
  for (const auto& [name, chain] : chains)
    if (chain.begins) visit(chains, name, seen, masquerading);
  return masquerading;
}

std::vector<std::string> masquerading_chains_of_iptables(const std::string& saved) {
  std::set<std::string> found;
  std::string_view rest = saved;
  while (!rest.empty()) {
    const auto line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(rest.size(), line.size() + 1));
    if (!line.starts_with("-A ") || !(line.contains("-j MASQUERADE") || line.contains("-j SNAT"))) continue;
    const std::string chain(line.substr(3, line.find(' ', 3) - 3));
    if (!is_ours(chain)) found.insert(chain);
  }
  return {found.begin(), found.end()};
}

std::vector<std::string> foreign_masquerading() {
  std::vector<std::string> lines;
  for (const auto& table : tables_with_source_nat()) {
    const auto listed = Nft::list("list table " + table);
    if (!listed) continue;
    for (const auto& chain : masquerading_chains(*listed))
      lines.push_back(fmt::format("table {}, chain {}: masquerades too", table, chain));
  }
  add_legacy(lines);
  return lines;
}

}  // namespace masq::netfilter
