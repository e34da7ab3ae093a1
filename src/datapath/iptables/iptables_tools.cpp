// SPDX-License-Identifier: Apache-2.0
#include "datapath/iptables/iptables_tools.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "base/address.hpp"
#include "base/result.hpp"
#include "datapath/iptables/iptables_rules.hpp"
#include "datapath/iptables/machine.hpp"
#include "os/process.hpp"

namespace masq::iptables {
namespace {

Result<std::string> run(const Machine& machine, const std::vector<std::string>& arguments,
                        const std::string& input = {}) {
  TRY(auto end, machine.run(arguments, input));
  if (end.status == 0) return std::move(end.out);
  const auto line = os::first_line(end.err.empty() ? end.out : end.err);
  return fail("{}: {}", arguments[0], line.empty() ? fmt::format("exit {}", end.status) : line);
}

// Returns the number of a variant's rules in both families, or -1 if the kernel lacks the variant.
std::ptrdiff_t rules_in(const Machine& machine, const std::string& variant) {
  std::ptrdiff_t count = -1;
  for (const auto* tool : {"iptables", "ip6tables"}) {
    const auto saved = run(machine, {fmt::format("{}-{}-save", tool, variant)});
    if (!saved) continue;
    count = std::max<std::ptrdiff_t>(count, 0);
    for (std::size_t at = 0; (at = saved->find("\n-A ", at)) != std::string::npos; ++at) ++count;
  }
  return count;
}

Result<Variant> find_variant(const Machine& machine) {
  const bool nft = machine.has_program("iptables-nft-restore");
  const bool legacy = machine.has_program("iptables-legacy-restore");
  if (!nft && !legacy) {
    if (!machine.has_program("iptables-restore")) return fail("iptables-restore: not found in PATH");
    return Variant();
  }
  if (nft != legacy) return Variant{.name = nft ? "nft" : "legacy", .warning = {}};
  const auto in_nft = rules_in(machine, "nft"), in_legacy = rules_in(machine, "legacy");
  Variant variant{.name = in_legacy > in_nft ? "legacy" : "nft", .warning = {}};
  if (in_nft > 0 && in_legacy > 0)
    variant.warning = fmt::format("iptables: both variants have rules, nft ({}) and legacy ({}): masq uses {}", in_nft,
                                  in_legacy, variant.name);
  return variant;
}

}  // namespace

Result<Tools> Tools::find(const Machine& machine) {
  if (!machine.has_program("ipset")) return fail("ipset: not found in PATH");
  TRY(auto variant, find_variant(machine));
  Tools tools(machine);
  tools.variant_ = std::move(variant);
  const auto& name = tools.variant_.name;
  const auto program = name.empty() ? "iptables" : "iptables-" + name;
  const auto help = run(machine, {program, "-j", "SNAT", "--help"});
  tools.has_random_fully_ = help && help->contains("--random-fully");
  const auto match_help = run(machine, {program, "-m", "rpfilter", "--help"});
  tools.has_rpfilter_ = match_help && match_help->contains("rpfilter match options");
  return tools;
}

std::string Tools::program(Family family, const char* what) const {
  return fmt::format("{}{}{}-{}", family == Family::ipv4 ? "iptables" : "ip6tables", variant_.name.empty() ? "" : "-",
                     variant_.name, what);
}

Result<std::string> Tools::save(Family family, bool with_counters) const {
  std::vector<std::string> arguments = {program(family, "save")};
  if (with_counters) arguments.emplace_back("-c");
  return run(machine_, arguments);
}

Result<void> Tools::restore(Family family, const std::string& text) const {
  TRY_DO(run(machine_, {program(family, "restore"), "--noflush", "-w", "1"}, text));
  return {};
}

Result<void> Tools::check(Family family, const std::string& text) const {
  TRY_DO(run(machine_, {program(family, "restore"), "--test", "--noflush", "-w", "1"}, text));
  return {};
}

Result<std::vector<IpSet>> IpSetTool::sets() const {
  TRY(auto saved, run(machine_, {"ipset", "save"}));
  return parse_ip_sets(saved);
}

Result<void> IpSetTool::restore(const std::string& text) const {
  TRY_DO(run(machine_, {"ipset", "restore"}, text));
  return {};
}

}  // namespace masq::iptables
