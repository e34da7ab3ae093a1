// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <string>
#include <vector>

#include "base/cidr.hpp"
#include "base/result.hpp"
#include "cli/command.hpp"
#include "cli/doctor/check.hpp"
#include "cli/doctor/forward_chains.hpp"

namespace masq::cli {
namespace {

bool are_named_in(const std::string& rules, const PodNetwork& pods) {
  if (!pods.bridge.empty() && rules.contains(fmt::format("\"{}\"", pods.bridge))) return true;
  const auto cidr = Cidr::parse(pods.cidr);
  return cidr && is_named_in(rules, *cidr);
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
      if (sees(table, pods.cidr) && !are_named_in(*rules, pods)) remarks.push_back(remark_on(chain, *rules, pods.cidr));
}

}  // namespace

// Only what masqd knows of pods can be looked for. A rule that names the pods is taken for one that lets them pass.
Remarks check_forward_rules(const Examination& examination) {
  if (!examination.status) return unknown("only masqd knows the pods");
  const auto networks = pod_networks(*examination.status);
  const auto chains = examination.context.node.run_program({"nft", "list", "chains"});
  if (!chains) return unknown(chains.error().message);
  Remarks remarks;
  for (const auto& table : tables_on_forward_hook(*chains)) check_table(examination, table, networks, remarks);
  return remarks;
}

}  // namespace masq::cli
