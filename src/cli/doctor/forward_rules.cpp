// SPDX-License-Identifier: Apache-2.0
#include "cli/doctor/forward_rules.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/cidr.hpp"
#include "base/result.hpp"
#include "cli/command.hpp"
#include "cli/doctor/check.hpp"

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

// A table of family ip sees no IPv6 packets, one of ip6 no IPv4 packets; bridge and netdev see no routed ones.
bool sees(std::string_view table, std::string_view cidr) {
  return table.starts_with("inet ") || table.starts_with(is_ipv6(cidr) ? "ip6 " : "ip ");
}

// Rules may name the pods of the whole cluster: a prefix that contains those of this node.
bool is_named_in(const std::string& rules, const PodNetwork& pods) {
  if (!pods.bridge.empty() && rules.contains(fmt::format("\"{}\"", pods.bridge))) return true;
  const auto cidr = Cidr::parse(pods.cidr);
  std::istringstream words(rules);
  for (std::string word; words >> word;) {
    if (!word.contains('/')) continue;
    const auto named = Cidr::parse(std::string_view(word).substr(0, word.find(',')));
    if (cidr && named && named->length() != 0 && named->contains(*cidr)) return true;
  }
  return false;
}

Remark remark_on(const DroppingChain& chain, const std::string& rules, const std::string& pod_cidr) {
  return {.text = fmt::format("chain {} of table {} drops what no rule accepts, and no rule of the table names {}",
                              chain.chain, chain.table, pod_cidr),
          .remedy = remedy_for(chain, rules, pod_cidr)};
}

// The rules of a table are read only when it can drop packets of pods.
void check_table(const Examination& examination, const std::string& table, const std::vector<PodNetwork>& networks,
                 Remarks& remarks) {
  const auto blank = table.find(' ');
  const auto rules =
      examination.context.node.run_program({"nft", "list", "table", table.substr(0, blank), table.substr(blank + 1)});
  if (!rules) return;  // it was removed
  for (const auto& chain : dropping_chains(*rules))
    for (const auto& pods : networks)
      if (sees(table, pods.cidr) && !is_named_in(*rules, pods)) remarks.push_back(remark_on(chain, *rules, pods.cidr));
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

// Only what masqd knows of pods can be looked for. A rule that names the pods is taken for one that lets them pass.
Remarks check_forward_rules(const Examination& examination) {
  if (!examination.status) return {{.level = Level::unknown, .text = "only masqd knows the pods", .remedy = {}}};
  const auto networks = pod_networks(*examination.status);
  const auto chains = examination.context.node.run_program({"nft", "list", "chains"});
  if (!chains) return {{.level = Level::unknown, .text = chains.error().message, .remedy = {}}};
  Remarks remarks;
  for (const auto& table : tables_on_forward_hook(*chains)) check_table(examination, table, networks, remarks);
  return remarks;
}

}  // namespace masq::cli
