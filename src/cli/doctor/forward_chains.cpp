// SPDX-License-Identifier: Apache-2.0
#include "cli/doctor/forward_chains.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/cidr.hpp"

namespace masq::cli {
namespace {

std::string_view trimmed(std::string_view line) {
  const auto first = line.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return line.substr(first, line.find_last_not_of(" \t") - first + 1);
}

// "drop", "counter packets 5 bytes 300 drop", "reject with icmpx admin-prohibited": without a condition.
bool ends_everything(std::string_view rule) {
  std::istringstream words{std::string(rule)};
  std::string word;
  while (words >> word) {
    if (word == "drop" || word == "reject") return true;
    const bool is_counter = word == "counter" || word == "packets" || word == "bytes";
    if (!is_counter && !std::ranges::all_of(word, [](char c) { return c >= '0' && c <= '9'; })) return false;
  }
  return false;
}

// A chain on the forward hook.
struct ForwardChain {
  std::string table;  // "ip filter"
  std::string chain;  // "FORWARD"
  bool drops = false;
};

// Reads line by line what `nft list` prints: "table FAMILY NAME {", "chain NAME {", "type … hook forward …; policy
// drop;", rules, "}".
class Reader {
 public:
  void read(std::string_view line) {
    if (line.starts_with("table ")) {
      table_ = name_in(line);
    } else if (line.starts_with("chain ")) {
      chain_ = name_in(line);
      is_forward_ = false;
    } else if (line.starts_with("type ")) {
      is_forward_ = line.contains(" hook forward ");
      if (is_forward_) found_.push_back({.table = table_, .chain = chain_, .drops = line.contains("policy drop;")});
    } else if (line == "}") {
      is_forward_ = false;
    } else if (is_forward_ && ends_everything(line)) {
      found_.back().drops = true;
    }
  }
  std::vector<ForwardChain> found() && { return std::move(found_); }

 private:
  // Of "table ip filter {" or "chain FORWARD {".
  static std::string name_in(std::string_view line) {
    line.remove_prefix(line.find(' ') + 1);
    return std::string(line.substr(0, line.rfind(" {")));
  }

  std::vector<ForwardChain> found_;
  std::string table_, chain_;
  bool is_forward_ = false;
};

std::vector<ForwardChain> forward_chains(std::string_view rules) {
  Reader reader;
  std::istringstream lines{std::string(rules)};
  for (std::string line; std::getline(lines, line);) reader.read(trimmed(line));
  return std::move(reader).found();
}

bool is_ipv6(std::string_view cidr) {
  return cidr.contains(':');
}

}  // namespace

std::vector<std::string> tables_on_forward_hook(std::string_view chains) {
  std::vector<std::string> tables;
  for (auto& chain : forward_chains(chains))
    if (tables.empty() || tables.back() != chain.table) tables.push_back(std::move(chain.table));
  return tables;
}

std::vector<DroppingChain> dropping_chains(std::string_view ruleset) {
  std::vector<DroppingChain> dropping;
  for (auto& [table, chain, drops] : forward_chains(ruleset))
    if (drops) dropping.push_back({.table = std::move(table), .chain = std::move(chain)});
  return dropping;
}

std::string remedy_for(const DroppingChain& chain, std::string_view ruleset, std::string_view pod_cidr) {
  if (ruleset.contains("chain ufw-") || ruleset.contains("chain ufw6-"))
    return fmt::format("ufw route allow from {}", pod_cidr);
  if (chain.table.ends_with(" firewalld"))
    return fmt::format("firewall-cmd --permanent --zone=trusted --add-source={}, and firewall-cmd --reload", pod_cidr);
  const auto* const tool = is_ipv6(pod_cidr) ? "ip6tables" : "iptables";
  const auto accept = [&](std::string_view at) {
    return fmt::format(
        "{0} -I {1} -s {2} -j ACCEPT; {0} -I {1} -d {2} -m conntrack --ctstate RELATED,ESTABLISHED -j "
        "ACCEPT",
        tool, at, pod_cidr);
  };
  if (ruleset.contains("chain DOCKER-USER")) return accept("DOCKER-USER");
  if (chain.chain == "FORWARD") return accept("FORWARD");
  const auto* const family = is_ipv6(pod_cidr) ? "ip6" : "ip";
  return fmt::format(
      "nft insert rule {0} {1} {2} saddr {3} accept; nft insert rule {0} {1} {2} daddr {3} ct state "
      "established,related accept",
      chain.table, chain.chain, family, pod_cidr);
}

bool sees(std::string_view table, std::string_view pod_cidr) {
  return table.starts_with("inet ") || table.starts_with(is_ipv6(pod_cidr) ? "ip6 " : "ip ");
}

bool is_named_in(const std::string& rules, const Cidr& pods) {
  std::istringstream words(rules);
  for (std::string word; words >> word;) {
    if (!word.contains('/')) continue;
    const auto named = Cidr::parse(std::string_view(word).substr(0, word.find(',')));
    if (named && named->length() != 0 && named->contains(pods)) return true;
  }
  return false;
}

}  // namespace masq::cli
