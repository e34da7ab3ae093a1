// SPDX-License-Identifier: Apache-2.0
#include "cli/status_text.hpp"

#include <fmt/format.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>

#include "base/duration.hpp"
#include "cli/json_members.hpp"

namespace masq::cli {
namespace {

using Json = nlohmann::ordered_json;

// "Name:          value"; further values follow below the first.
class Rows {
 public:
  void add(std::string_view name, std::string_view value) {
    const bool repeated = name == last_;
    last_ = name;
    const auto label = repeated ? std::string() : fmt::format("{}:", name);
    text_ += fmt::format("{:<16}{}\n", label, value);
  }
  std::string text() && { return std::move(text_); }

 private:
  std::string text_;
  std::string last_;
};

std::string_view family_name(const std::string& word) {
  return word == "ipv4" ? "IPv4" : "IPv6";
}

std::string duration_text(const Json& object, const char* key) {
  return format_duration(std::chrono::seconds(number_of(object, key)));
}

void add_sources(Rows& rows, const Json& sources) {
  for (const auto& source : sources) {
    const auto age = flag_of(source, "delivered") ? duration_text(source, "ageSeconds") + " ago" : "not yet";
    const auto error = text_of(source, "error");
    rows.add("Sources", fmt::format("{:<16}{}{}", text_of(source, "name"), age, error.empty() ? "" : "   " + error));
  }
}

constexpr std::size_t most_pod_cidrs = 16;

void add_pod_cidrs(Rows& rows, const Json& cidrs) {
  std::size_t shown = 0;
  for (const auto& row : cidrs) {
    if (shown++ == most_pod_cidrs)
      return rows.add("Pod CIDRs", fmt::format("and {} more", cidrs.size() - most_pod_cidrs));
    rows.add("Pod CIDRs", fmt::format("{:<20} ({})", text_of(row, "cidr"), text_of(row, "origin")));
  }
}

std::string apply_text(const Json& apply) {
  if (number_of(apply, "attempts") == 0) return "never";
  const auto error = text_of(apply, "error");
  const auto& duration = member(apply, "durationSeconds");
  const auto read_back = apply.contains("readBackAgeSeconds")
                             ? fmt::format(", read back {} ago", duration_text(apply, "readBackAgeSeconds"))
                             : std::string();
  return fmt::format("{} ago in {:.0f}ms{}: {}", duration_text(apply, "ageSeconds"),
                     duration.is_number() ? duration.get<double>() * 1000 : 0.0, read_back,
                     error.empty() ? "OK" : error);
}

std::string memory_text(std::uint64_t bytes) {
  return bytes == 0 ? "" : fmt::format(", {:.1f} MB", static_cast<double>(bytes) / 1e6);
}

void add_mappings(Rows& rows, const Json& tables) {
  for (const auto& table : tables) {
    const char* bypassed = table.contains("leftAlone") ? "leftAlone" : "bypassed";  // its name before 1.0
    rows.add("Mappings",
             fmt::format("{}: {} of {}, {} bypassed{}", family_name(text_of(table, "family")), number_of(table, "used"),
                         number_of(table, "max"), number_of(table, bypassed), memory_text(number_of(table, "bytes"))));
  }
}

void add_usage(Rows& rows, const Json& usage) {
  const auto at_limit = number_of(usage, "podsAtLimit");
  for (const auto& pod : member(usage, "pods"))
    rows.add("Pods at limit", fmt::format("{}: {} of {} mappings", text_of(pod, "pod"), number_of(pod, "mappings"),
                                          number_of(pod, "max")));
  if (const auto shown = member(usage, "pods").size(); at_limit > shown)
    rows.add("Pods at limit", fmt::format("and {} more", at_limit - shown));
  if (at_limit == 0 && usage.is_object()) rows.add("Pods at limit", "none");
  const auto& fullest = member(usage, "fullestDestination");
  if (!fullest.is_object()) return;
  const auto address = text_of(fullest, "address");
  rows.add("Fullest",
           fmt::format("{} {}:{} from {}: {} of {} ports", text_of(fullest, "protocol"),
                       address.contains(':') ? "[" + address + "]" : address, number_of(fullest, "port"),
                       text_of(fullest, "external"), number_of(fullest, "ports"), number_of(fullest, "max")));
  for (const auto& setting : member(fullest, "keptBy"))
    rows.add("Fullest", fmt::format("ports run short: {} keeps those of ended conversations", text_of(setting)));
}

void add_drops(Rows& rows, const Json& packets) {
  bool any = false;
  for (const auto& row : packets) {
    if (!flag_of(row, "drop") || number_of(row, "packets") == 0) continue;
    any = true;
    rows.add("Drops", fmt::format("{} {} {}: {}", family_name(text_of(row, "family")), text_of(row, "direction"),
                                  text_of(row, "reason"), number_of(row, "packets")));
  }
  if (!any && packets.is_array()) rows.add("Drops", "none");
}

void add_lines(Rows& rows, std::string_view name, const Json& lines) {
  for (const auto& line : lines)
    if (line.is_string()) rows.add(name, text_of(line));
}

std::string device_names(const Json& devices) {
  std::string names;
  for (const auto& device : devices) names += (names.empty() ? "" : ", ") + text_of(device, "name");
  return names;
}

std::string_view enabled(bool on) {
  return on ? "Enabled" : "Disabled";
}

}  // namespace

std::string render_masquerading(const Json& masquerading) {
  if (!flag_of(masquerading, "enabled")) return "Disabled";
  std::string exclusions;
  for (const char* key : {"snat-exclusion-cidr-v4", "snat-exclusion-cidr-v6"})
    if (const auto cidrs = text_of(masquerading, key); !cidrs.empty()) exclusions += cidrs + " ";
  const auto& protocols = member(masquerading, "enabledProtocols");
  return fmt::format("{}{}   [{}]  {}[IPv4: {}, IPv6: {}]", text_of(masquerading, "mode"),
                     flag_of(masquerading, "ip-masq-agent") ? " (ip-masq-agent)" : "",
                     device_names(member(masquerading, "devices")), exclusions, enabled(flag_of(protocols, "ipv4")),
                     enabled(flag_of(protocols, "ipv6")));
}

std::string render_status_text(const Json& status) {
  Rows rows;
  rows.add("Masquerading", render_masquerading(member(status, "masquerading")));
  const auto& datapath = member(status, "datapath");
  rows.add("Datapath", fmt::format("{} ({})", text_of(datapath, "name"), text_of(datapath, "reason")));
  add_pod_cidrs(rows, member(status, "podCidrs"));
  add_sources(rows, member(status, "sources"));
  rows.add("Last apply", apply_text(member(status, "apply")));
  add_mappings(rows, member(status, "mappings"));
  add_usage(rows, member(status, "usage"));
  add_drops(rows, member(status, "packets"));
  add_lines(rows, "Notes", member(status, "notes"));
  add_lines(rows, "Problems", member(status, "problems"));
  rows.add("Agent", fmt::format("masqd {}, up {}", text_of(status, "version"), duration_text(status, "uptimeSeconds")));
  return std::move(rows).text();
}

std::string render_status_brief(const Json& status) {
  for (const auto& problem : member(status, "problems"))
    if (problem.is_string()) return text_of(problem);
  return "OK";
}

bool is_healthy(const Json& status) {
  return member(status, "problems").empty();
}

}  // namespace masq::cli
