// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <ranges>
#include <system_error>
#include <vector>

#include "base/address.hpp"
#include "base/protocol.hpp"
#include "base/result.hpp"
#include "cli/agent_document.hpp"
#include "cli/command.hpp"
#include "cli/json_members.hpp"
#include "cli/limits.hpp"
#include "cli/mapping_text.hpp"
#include "cli/usage.hpp"
#include "os/live_screen.hpp"

namespace masq::cli {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t default_rows = 20;
constexpr auto refresh = std::chrono::seconds(2);

struct Measured {
  Usage usage;
  Limits limits;
  std::uint64_t mappings[2] = {0, 0};  // IPv4, IPv6
};

// Reads the usage, and the limits from the agent. Without the agent the limits are unknown.
Result<Measured> measure(const CommandContext& context) {
  Measured measured;
  if (const auto status = query_document(context, "/v1/status")) measured.limits = limits_of(*status);
  TRY(measured.usage, measure_usage(context, measured.limits.port_ranges));
  for (const auto& pod : measured.usage.pods)
    measured.mappings[pod.address.family() == Family::ipv4 ? 0 : 1] += pod.mappings;
  return measured;
}

std::string of(std::uint64_t limit) {
  return limit == 0 ? "" : fmt::format(" of {}", limit);
}
std::string percent(std::uint64_t part, std::uint64_t whole) {
  return whole == 0 ? "-" : fmt::format("{:.1f}%", 100.0 * static_cast<double>(part) / static_cast<double>(whole));
}

// Returns the length of the longest name: IPv6 needs much more than IPv4.
std::size_t width_of(const std::vector<std::string>& names) {
  std::size_t width = 0;
  for (const auto& name : names) width = std::max(width, name.size());
  return width;
}

std::string render_pods(const Measured& measured, std::size_t rows) {
  std::vector<std::string> names = {"POD"};
  for (const auto& pod : measured.usage.pods | std::views::take(rows)) names.push_back(pod.address.to_string());
  const auto width = width_of(names);
  auto text = fmt::format("{:<{}} {:>9} {:>8} {:>9}\n", names.front(), width, "MAPPINGS", "OF MAX", "PORTS");
  for (std::size_t i = 1; i < names.size(); ++i) {
    const auto& pod = measured.usage.pods[i - 1];
    text += fmt::format("{:<{}} {:>9} {:>8} {:>9}\n", names[i], width, pod.mappings,
                        percent(pod.mappings, measured.limits.per_pod), pod.ports);
  }
  return text;
}

std::string render_destinations(const Measured& measured, std::size_t rows) {
  std::vector<std::string> names = {"DESTINATION"};
  for (const auto& one : measured.usage.destinations | std::views::take(rows))
    names.push_back(fmt::format("{} {}", protocol_name(one.protocol), render_endpoint(one.remote, one.remote_port)));
  const auto width = width_of(names);
  auto text = fmt::format("{:<{}} {:>9} {:>8}   {}\n", names.front(), width, "PORTS", "OF RANGE", "EXTERNAL");
  for (std::size_t i = 1; i < names.size(); ++i) {
    const auto& one = measured.usage.destinations[i - 1];
    text += fmt::format("{:<{}} {:>9} {:>8}   {}\n", names[i], width, one.ports,
                        percent(one.of_range, measured.limits.ports), one.external.to_string());
  }
  return text;
}

std::string render(const Measured& measured, std::size_t pods, std::size_t destinations) {
  const auto& limits = measured.limits;
  return fmt::format("Mappings: IPv4 {}{}, IPv6 {}{}. Pods: {}. Destinations: {}.\n\n{}\n{}", measured.mappings[0],
                     of(limits.mappings), measured.mappings[1], of(limits.mappings), measured.usage.pods.size(),
                     measured.usage.destinations.size(), render_pods(measured, pods),
                     render_destinations(measured, destinations));
}

std::string render_json(const Measured& measured, std::size_t rows) {
  const auto& [usage, limits, mappings] = measured;
  Json document = {
      {"mappings", {{"ipv4", mappings[0]}, {"ipv6", mappings[1]}}},
      {"limits", {{"mappings", limits.mappings}, {"mappingsPerPod", limits.per_pod}, {"ports", limits.ports}}},
      {"pods", Json::array()},
      {"destinations", Json::array()}};
  for (const auto& pod : usage.pods | std::views::take(rows))
    document["pods"].push_back({{"pod", pod.address.to_string()}, {"mappings", pod.mappings}, {"ports", pod.ports}});
  for (const auto& one : usage.destinations | std::views::take(rows))
    document["destinations"].push_back({{"protocol", protocol_name(one.protocol)},
                                        {"address", one.remote.to_string()},
                                        {"port", one.remote_port},
                                        {"external", one.external.to_string()},
                                        {"ports", one.ports},
                                        {"portsOfRange", one.of_range}});
  return document_text(document);
}

Result<std::size_t> parse_rows(const Arguments::Option& text) {
  if (!text) return default_rows;
  std::uint32_t rows = 0;
  const auto* const past_end = text->data() + text->size();
  const auto [end, error] = std::from_chars(text->data(), past_end, rows);
  if (error != std::errc() || end != past_end || rows == 0)
    return fail("--rows: {:?}: a number of 1 and more is expected", *text);
  return rows;
}

int show_live(const CommandContext& context) {
  const auto draw = [&](os::ScreenSize size) -> Result<std::string> {
    TRY(auto measured, measure(context));
    const auto lines = static_cast<std::size_t>(std::max(size.rows, 9) - 7);  // without heads, gaps and the last one
    const auto pods = std::min(measured.usage.pods.size(), lines / 2);
    return render(measured, pods, lines - pods) + "\nq: quit";
  };
  if (auto done = context.show_live(draw, refresh); !done) return exit_with_error(context, exit_failed, done.error());
  return exit_done;
}

}  // namespace

int show_top(const CommandContext& context, const Arguments& arguments) {
  const auto rows = parse_rows(arguments.rows);
  if (!rows) return exit_with_error(context, exit_wrong_use, rows.error());
  if (!arguments.json && !arguments.once && context.show_live) return show_live(context);
  const auto measured = measure(context);
  if (!measured) return exit_with_error(context, exit_failed, measured.error());
  context.out(arguments.json ? render_json(*measured, *rows) : render(*measured, *rows, *rows));
  return exit_done;
}

}  // namespace masq::cli
