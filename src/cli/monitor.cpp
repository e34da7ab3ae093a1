// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/cidr.hpp"
#include "base/result.hpp"
#include "cli/command.hpp"
#include "cli/event_text.hpp"
#include "cli/flood_gate.hpp"
#include "cli/selection.hpp"
#include "datapath/event.hpp"
#include "datapath/event_json.hpp"
#include "datapath/event_source.hpp"
#include "model/options/values.hpp"

namespace masq::cli {
namespace {

constexpr std::uint64_t max_lines_per_kind = 100;  // lines a second

Result<EventTypes> parse_types(const Arguments::Option& text) {
  if (!text) return EventTypes{};
  auto types = values::words(std::span(&*text, 1));
  for (auto& type : types) type = event_type_of(std::move(type));
  for (const auto& type : types)
    if (!has_type(event_types(), type))
      return fail("--type: {:?}: one of {} is expected", type, fmt::join(event_types(), ", "));
  if (types.empty()) return fail("--type: {:?}: one of {} is expected", *text, fmt::join(event_types(), ", "));
  return types;
}

// Returns the kind that limits floods. There are few reasons, hence few kinds.
std::string kind_of(const Event& event) {
  return event.reason.empty() ? event.type : fmt::format("{} {}", event.type, event.reason);
}

class Printer {
 public:
  Printer(const CommandContext& context, bool json, std::optional<Cidr> pods)
      : context_(context), json_(json), pods_(pods) {}

  void event(const Event& event) {
    if (pods_ && !pods_->contains(event.pod)) return;
    if (!gate_.admits(kind_of(event))) return;
    context_.out((json_ ? render_event_json(event) : render_event(event)) + "\n");
  }
  void second_passed(std::uint64_t lost) {
    for (const auto& [kind, count] : gate_.end_round()) report(kind, count);
    if (lost > 0) report("lost", lost);
  }

 private:
  void report(const std::string& kind, std::uint64_t count) {
    if (json_)
      context_.out(nlohmann::ordered_json{{"type", "notShown"}, {"kind", kind}, {"count", count}}.dump() + "\n");
    else
      context_.out(kind == "lost" ? fmt::format("... {} events were not recorded\n", count)
                                  : fmt::format("... {} more: {}\n", count, kind));
  }

  const CommandContext& context_;
  bool json_;
  std::optional<Cidr> pods_;
  FloodGate gate_{max_lines_per_kind};
};

}  // namespace

int monitor_events(const CommandContext& context, const Arguments& arguments) {
  const auto selection = parse_selection(arguments);
  if (!selection) return exit_with_error(context, exit_wrong_use, selection.error());
  const auto types = parse_types(arguments.type);
  if (!types) return exit_with_error(context, exit_wrong_use, types.error());
  Printer printer(context, arguments.json, selection->pods);
  const auto done =
      context.follow_events(*types, {.event = [&](const Event& event) { printer.event(event); },
                                     .second_passed = [&](std::uint64_t lost) { printer.second_passed(lost); }});
  return done ? exit_done : exit_with_error(context, exit_failed, done.error());
}

}  // namespace masq::cli
