// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "base/cidr.hpp"
#include "base/result.hpp"
#include "cli/agent_document.hpp"
#include "cli/command.hpp"
#include "cli/json_members.hpp"
#include "cli/mapping_text.hpp"
#include "cli/selection.hpp"
#include "datapath/mapping_table.hpp"

namespace masq::cli {
namespace {

void say_nothing_found(const CommandContext& context) {
  context.err("No entries found.\n");
}

int list_mappings_json(const CommandContext& context, const Selection& selection) {
  // Written element by element, because a document of half a million elements needs too much memory.
  std::string separator = "[\n";
  auto done = context.table.for_each([&](const Mapping& mapping) {
    if (!selection.has(mapping)) return;
    context.out(separator + render_mapping_json(mapping));
    separator = ",\n";
  });
  if (!done && separator.front() == '[') return exit_with_error(context, exit_failed, done.error());
  context.out(separator.front() == '[' ? "[]\n" : "\n]\n");
  return done ? exit_done : exit_with_error(context, exit_failed, done.error());
}

void print_ip_masq(const CommandContext& context, const std::vector<IpMasqEntry>& entries) {
  constexpr std::string_view header = "IP PREFIX/ADDRESS";
  auto width = header.size();
  for (const auto& entry : entries) width = std::max(width, entry.cidr.to_string().size());
  context.out(fmt::format("{}\n", header));
  for (const auto& entry : entries) {
    const auto cidr = entry.cidr.to_string();
    context.out(entry.masquerade ? fmt::format("{:<{}}   masquerade\n", cidr, width) : cidr + "\n");
  }
}

// The kernel lets only CAP_SYS_ADMIN read the policy, which a container may lack: then the agent says what it wrote.
Result<std::vector<IpMasqEntry>> read_ip_masq(const CommandContext& context) {
  auto in_kernel = context.table.ip_masq();
  if (in_kernel) return in_kernel;
  const auto document = query_document(context, "/v1/ipmasq");
  if (!document) return in_kernel;
  std::vector<IpMasqEntry> entries;
  for (const auto& row : member(*document, "entries")) {
    TRY(const auto cidr, Cidr::parse(text_of(row, "cidr")));
    entries.push_back({.cidr = cidr, .masquerade = flag_of(row, "masquerade")});
  }
  return entries;
}

}  // namespace

int list_mappings(const CommandContext& context, const Arguments& arguments) {
  const auto selection = parse_selection(arguments);
  if (!selection) return exit_with_error(context, exit_wrong_use, selection.error());
  if (arguments.json) return list_mappings_json(context, *selection);
  bool any = false;
  auto done = context.table.for_each([&](const Mapping& mapping) {
    if (!selection->has(mapping)) return;
    any = true;
    context.out(render_mapping(mapping) + "\n");
  });
  if (!done) return exit_with_error(context, exit_failed, done.error());
  if (!any) say_nothing_found(context);
  return exit_done;
}

int list_ip_masq(const CommandContext& context, const Arguments& arguments) {
  auto entries = read_ip_masq(context);
  if (!entries) return exit_with_error(context, exit_failed, entries.error());
  if (arguments.json) {
    auto rows = nlohmann::ordered_json::array();
    for (const auto& entry : *entries)
      rows.push_back({{"cidr", entry.cidr.to_string()}, {"masquerade", entry.masquerade}});
    context.out(document_text(rows));
  } else if (entries->empty()) {
    say_nothing_found(context);
  } else {
    print_ip_masq(context, *entries);
  }
  return exit_done;
}

}  // namespace masq::cli
