// SPDX-License-Identifier: Apache-2.0
#include "datapath/iptables/iptables_tools.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <expected>
#include <string>
#include <utility>
#include <vector>

#include "base/address.hpp"
#include "base/result.hpp"
#include "datapath/iptables/iptables_rules.hpp"
#include "os/process.hpp"

namespace masq {
namespace {

Result<std::string> run(const std::vector<std::string>& arguments, const std::string& input = {}) {
  auto end = run_program(arguments, input);
  if (!end) return std::unexpected(end.error());
  if (end->status == 0) return std::move(end->out);
  const auto& output = end->err.empty() ? end->out : end->err;
  return fail("{}: {}", arguments[0],
              output.empty() ? fmt::format("exit {}", end->status) : output.substr(0, output.find('\n')));
}

// Returns the number of a variant's rules in both families, or -1 if the kernel lacks the variant.
std::ptrdiff_t rules_in(const std::string& variant) {
  std::ptrdiff_t count = -1;
  for (const auto* tool : {"iptables", "ip6tables"}) {
    const auto saved = run({fmt::format("{}-{}-save", tool, variant)});
    if (!saved) continue;
    count = std::max<std::ptrdiff_t>(count, 0);
    for (std::size_t at = 0; (at = saved->find("\n-A ", at)) != std::string::npos; ++at) ++count;
  }
  return count;
}

Result<IptablesVariant> find_variant() {
  const bool nft = has_program("iptables-nft-restore"), legacy = has_program("iptables-legacy-restore");
  if (!nft && !legacy) {
    if (!has_program("iptables-restore")) return fail("iptables-restore: not found in PATH");
    return IptablesVariant();
  }
  if (nft != legacy) return IptablesVariant{.name = nft ? "nft" : "legacy", .warning = {}};
  const auto in_nft = rules_in("nft"), in_legacy = rules_in("legacy");
  IptablesVariant variant{.name = in_legacy > in_nft ? "legacy" : "nft", .warning = {}};
  if (in_nft > 0 && in_legacy > 0)
    variant.warning = fmt::format("iptables: both variants have rules, nft ({}) and legacy ({}): masq uses {}", in_nft,
                                  in_legacy, variant.name);
  return variant;
}

}  // namespace

Result<IptablesTools> IptablesTools::find() {
  if (!has_program("ipset")) return fail("ipset: not found in PATH");
  auto variant = find_variant();
  if (!variant) return std::unexpected(variant.error());
  IptablesTools tools;
  tools.variant_ = std::move(*variant);
  const auto& name = tools.variant_.name;
  const auto help = run({name.empty() ? "iptables" : "iptables-" + name, "-j", "SNAT", "--help"});
  tools.has_random_fully_ = help && help->contains("--random-fully");
  return tools;
}

std::string IptablesTools::program(Family family, const char* what) const {
  return fmt::format("{}{}{}-{}", family == Family::ipv4 ? "iptables" : "ip6tables", variant_.name.empty() ? "" : "-",
                     variant_.name, what);
}

Result<std::string> IptablesTools::save(Family family, bool with_counters) const {
  std::vector<std::string> arguments = {program(family, "save")};
  if (with_counters) arguments.emplace_back("-c");
  return run(arguments);
}

Result<void> IptablesTools::restore(Family family, const std::string& text) const {
  auto done = run({program(family, "restore"), "--noflush", "-w", "1"}, text);
  if (!done) return std::unexpected(done.error());
  return {};
}

Result<void> IptablesTools::check(Family family, const std::string& text) const {
  auto done = run({program(family, "restore"), "--test", "--noflush", "-w", "1"}, text);
  if (!done) return std::unexpected(done.error());
  return {};
}

Result<std::vector<IpSet>> IptablesTools::sets() {
  auto saved = run({"ipset", "save"});
  if (!saved) return std::unexpected(saved.error());
  return parse_ip_sets(*saved);
}

Result<void> IptablesTools::restore_sets(const std::string& text) {
  auto done = run({"ipset", "restore"}, text);
  if (!done) return std::unexpected(done.error());
  return {};
}

}  // namespace masq
