// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "cli/command.hpp"
#include "cli/mapping_text.hpp"
#include "cli/selection.hpp"
#include "datapath/datapath.hpp"

namespace masq {
namespace {

void say_nothing_found(const World& world) {
  world.err("No entries found.\n");
}

int list_mappings_json(const World& world, const Selection& selection) {
  // Written element by element, because a document of half a million elements needs too much memory.
  std::string separator = "[\n";
  auto done = world.read_mappings([&](const Mapping& mapping) {
    if (!selection.has(mapping)) return;
    world.out(separator + render_mapping_json(mapping));
    separator = ",\n";
  });
  if (!done && separator.front() == '[') return end_with(world, exit_failed, done.error());
  world.out(separator.front() == '[' ? "[]\n" : "\n]\n");
  return done ? exit_done : end_with(world, exit_failed, done.error());
}

void print_ip_masq(const World& world, const std::vector<IpMasqEntry>& entries) {
  constexpr std::string_view header = "IP PREFIX/ADDRESS";
  auto width = header.size();
  for (const auto& entry : entries) width = std::max(width, entry.cidr.to_string().size());
  world.out(fmt::format("{}\n", header));
  for (const auto& entry : entries) {
    const auto cidr = entry.cidr.to_string();
    world.out(entry.masquerade ? fmt::format("{:<{}}   masquerade\n", cidr, width) : cidr + "\n");
  }
}

}  // namespace

int list_mappings(const World& world, const Arguments& arguments) {
  const auto selection = parse_selection(arguments);
  if (!selection) return end_with(world, exit_wrong_use, selection.error());
  if (arguments.json) return list_mappings_json(world, *selection);
  bool any = false;
  auto done = world.read_mappings([&](const Mapping& mapping) {
    if (!selection->has(mapping)) return;
    any = true;
    world.out(render_mapping(mapping) + "\n");
  });
  if (!done) return end_with(world, exit_failed, done.error());
  if (!any) say_nothing_found(world);
  return exit_done;
}

int list_ip_masq(const World& world, const Arguments& arguments) {
  auto entries = world.read_ip_masq();
  if (!entries) return end_with(world, exit_failed, entries.error());
  if (arguments.json) {
    auto rows = nlohmann::ordered_json::array();
    for (const auto& entry : *entries)
      rows.push_back({{"cidr", entry.cidr.to_string()}, {"masquerade", entry.masquerade}});
    world.out(rows.dump(2) + "\n");
  } else if (entries->empty()) {
    say_nothing_found(world);
  } else {
    print_ip_masq(world, *entries);
  }
  return exit_done;
}

}  // namespace masq
