// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "cli/event_text.hpp"
#include "cli/flood_gate.hpp"
#include "cli/selection.hpp"
#include "datapath/bpf/events.hpp"
#include "model/options/values.hpp"

namespace masq {
namespace {

constexpr std::uint64_t max_lines_per_kind = 100;  // lines a second

Result<std::vector<std::string>> parse_types(const Arguments::Option& text) {
  if (!text) return std::vector<std::string>{};
  const auto known = bpf_event_types();
  auto types = values::words(std::span(&*text, 1));
  for (const auto& type : types)
    if (std::ranges::find(known, type) == known.end())
      return fail("--type: {:?}: one of {} is expected", type, fmt::join(known, ", "));
  if (types.empty()) return fail("--type: {:?}: one of {} is expected", *text, fmt::join(known, ", "));
  return types;
}

// Returns the kind that limits floods. There are few reasons, hence few kinds.
std::string kind_of(const Event& event) {
  return event.reason.empty() ? event.type : fmt::format("{} {}", event.type, event.reason);
}

class Printer {
 public:
  Printer(const World& world, bool json, std::optional<Cidr> pods) : world_(world), json_(json), pods_(pods) {}

  void event(const Event& event) {
    if (pods_ && !pods_->contains(event.pod)) return;
    if (!gate_.admits(kind_of(event))) return;
    world_.out((json_ ? render_event_json(event) : render_event(event)) + "\n");
  }
  void second_passed(std::uint64_t lost) {
    for (const auto& [kind, count] : gate_.end_round()) tell(kind, count);
    if (lost > 0) tell("lost", lost);
  }

 private:
  void tell(const std::string& kind, std::uint64_t count) {
    if (json_)
      world_.out(nlohmann::ordered_json{{"type", "notShown"}, {"kind", kind}, {"count", count}}.dump() + "\n");
    else
      world_.out(kind == "lost" ? fmt::format("... {} events were not recorded\n", count)
                                : fmt::format("... {} more: {}\n", count, kind));
  }

  const World& world_;
  bool json_;
  std::optional<Cidr> pods_;
  FloodGate gate_{max_lines_per_kind};
};

}  // namespace

int monitor_events(const World& world, const Arguments& arguments) {
  const auto selection = parse_selection(arguments);
  if (!selection) return end_with(world, exit_wrong_use, selection.error());
  const auto types = parse_types(arguments.type);
  if (!types) return end_with(world, exit_wrong_use, types.error());
  Printer printer(world, arguments.json, selection->pods);
  const auto done =
      world.follow_events(*types, {.event = [&](const Event& event) { printer.event(event); },
                                   .second_passed = [&](std::uint64_t lost) { printer.second_passed(lost); }});
  return done ? exit_done : end_with(world, exit_failed, done.error());
}

}  // namespace masq
