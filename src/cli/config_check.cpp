// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <vector>

#include "base/cidr.hpp"
#include "base/printable.hpp"
#include "base/result.hpp"
#include "cli/command.hpp"
#include "cli/json_members.hpp"
#include "model/config.hpp"
#include "model/ip_masq_agent.hpp"

namespace masq::cli {
namespace {

nlohmann::ordered_json to_json(const std::vector<Cidr>& cidrs) {
  auto list = nlohmann::ordered_json::array();
  for (const auto& cidr : cidrs) list.push_back(cidr.to_string());
  return list;
}

int refuse(const CommandContext& context, const Arguments& arguments, const Error& error) {
  if (!arguments.json) return exit_with_error(context, exit_failed, error);
  context.out(document_text({{"ok", false}, {"error", error.message}}));
  return exit_failed;
}

}  // namespace

int check_config(const CommandContext& context, const Arguments& arguments) {
  const auto path = arguments.file.empty() ? Config().ip_masq_agent_config_path : arguments.file;
  auto text = context.read_file(path);
  if (!text) return refuse(context, arguments, text.error());
  auto rules = parse_ip_masq_agent(*text);
  if (!rules) return refuse(context, arguments, {fmt::format("{}: {}", path, rules.error().message)});
  if (arguments.json) {
    const nlohmann::ordered_json report = {{"ok", true},
                                           {"file", path},
                                           {"nonMasqueradeCIDRs", to_json(rules->non_masquerade)},
                                           {"masqueradeCIDRs", to_json(rules->masquerade)},
                                           {"warnings", rules->warnings}};
    context.out(document_text(report));
    return exit_done;
  }
  const auto name = printable(path);
  for (const auto& warning : rules->warnings) context.err(fmt::format("warning: {}: {}\n", name, printable(warning)));
  context.out(fmt::format("{}: ok: {} not masqueraded, {} masqueraded\n", name, rules->non_masquerade.size(),
                          rules->masquerade.size()));
  return exit_done;
}

}  // namespace masq::cli
