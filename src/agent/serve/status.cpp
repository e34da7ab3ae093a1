// SPDX-License-Identifier: Apache-2.0
#include "agent/serve/status.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include "agent/reconciler.hpp"
#include "agent/serve/agent_state.hpp"
#include "agent/sources/source.hpp"
#include "base/address.hpp"
#include "base/cidr.hpp"
#include "base/port_range.hpp"
#include "datapath/counters.hpp"
#include "model/desired.hpp"
#include "model/finding.hpp"
#include "os/timers.hpp"

namespace masq::agent {
namespace {

using Json = nlohmann::ordered_json;

std::int64_t whole_seconds(os::Timers::Clock::duration duration) {
  return std::chrono::duration_cast<std::chrono::seconds>(duration).count();
}

Json render_device(const Uplink& uplink, const Desired& desired) {
  Json device = {{"name", uplink.name}, {"ifindex", uplink.ifindex}};
  if (desired.ipv4.enabled && !uplink.ipv4.empty()) device["ipv4"] = uplink.ipv4.front().to_string();
  if (desired.ipv6.enabled && !uplink.ipv6.empty()) device["ipv6"] = uplink.ipv6.front().to_string();
  return device;
}

Json render_masquerading(const Reconciler::State& state, const std::string& datapath) {
  if (!state.applied) return {{"enabled", false}};
  const auto& desired = *state.applied;
  Json masquerading = {{"enabled", desired.ipv4.enabled || desired.ipv6.enabled},
                       {"enabledProtocols", {{"ipv4", desired.ipv4.enabled}, {"ipv6", desired.ipv6.enabled}}}};
  if (!masquerading["enabled"].get<bool>()) return masquerading;
  masquerading["mode"] = datapath;
  masquerading["ip-masq-agent"] = desired.ip_masq_agent;
  for (const auto& [name, family] :
       {std::pair("snat-exclusion-cidr-v4", &desired.ipv4), std::pair("snat-exclusion-cidr-v6", &desired.ipv6)})
    if (family->enabled && !family->shown_exclusions.empty()) masquerading[name] = join(family->shown_exclusions);
  masquerading["devices"] = Json::array();
  for (const auto& uplink : desired.uplinks) masquerading["devices"].push_back(render_device(uplink, desired));
  return masquerading;
}

Json render_pod_cidrs(const Reconciler::State& state) {
  auto rows = Json::array();
  if (state.applied)
    for (const auto& [cidr, origin] : state.applied->pod_cidrs)
      rows.push_back({{"cidr", cidr.to_string()}, {"origin", origin}});
  return rows;
}

Json render_sources(const AgentState& state) {
  auto sources = Json::array();
  for (const auto& source : state.sources) {
    Json row = {{"name", source.name}, {"delivered", source.read_at.has_value()}};
    if (const auto age = source.age(state.now)) row["ageSeconds"] = whole_seconds(*age);
    row["error"] = source.error;
    sources.push_back(std::move(row));
  }
  return sources;
}

Json render_apply(const AgentState& state) {
  const auto& reconciler = state.reconciler;
  Json apply = {{"attempts", reconciler.attempts}};
  if (reconciler.tried_at) {
    apply["ageSeconds"] = whole_seconds(state.now - *reconciler.tried_at);
    apply["durationSeconds"] = std::chrono::duration<double>(reconciler.duration).count();
  }
  if (state.read_back_at) apply["readBackAgeSeconds"] = whole_seconds(state.now - *state.read_back_at);
  apply["error"] = reconciler.error;
  apply["lastSteps"] = reconciler.steps;
  return apply;
}

Json render_tables(const Counters& counters) {
  auto tables = Json::array();
  for (const auto& table : counters.tables)
    tables.push_back({{"family", family_label(table.family)},
                      {"used", table.used},
                      {"bypassed", table.bypassed},
                      {"max", table.maximum},
                      {"bytes", table.bytes},
                      {"created", counters.mappings_created[table.family == Family::ipv4 ? 0 : 1]}});
  return tables;
}

Json render_findings(const std::vector<Finding>& findings) {
  auto rows = Json::array();
  for (const auto& [kind, text] : findings) {
    const auto& row = row_of(kind);
    rows.push_back({{"word", row.word},
                    {"severity", row.severity == Severity::problem ? "problem" : "note"},
                    {"text", text},
                    {"remedy", row.remedy}});
  }
  return rows;
}

Json render_packets(const Counters& counters) {
  auto packets = Json::array();
  for (const auto& row : counters.packets)
    packets.push_back({{"family", family_label(row.family)},
                       {"direction", row.direction},
                       {"reason", row.reason},
                       {"drop", row.drop},
                       {"packets", row.packets}});
  return packets;
}

}  // namespace

std::string family_label(Family family) {
  return family == Family::ipv4 ? "ipv4" : "ipv6";
}

Json render_limits(const Desired& desired) {
  auto ranges = Json::array();
  for (const auto& range : desired.ports) ranges.push_back(range.to_string());
  return {{"mappings", desired.max_mappings},
          {"mappingsPerPod", desired.max_mappings_per_pod},
          {"ports", port_count(desired.ports)},
          {"portRanges", std::move(ranges)}};
}

std::vector<Finding> all_findings(const AgentState& state) {
  std::vector<Finding> found;
  if (!state.reconciler.error.empty())
    found.push_back({FindingKind::apply, fmt::format("apply: {}", state.reconciler.error)});
  if (!state.reconciler.decide_error.empty()) found.push_back({FindingKind::source, state.reconciler.decide_error});
  if (!state.options.error.empty())
    found.push_back({FindingKind::configuration, fmt::format("configuration: {}", state.options.error)});
  for (const auto& source : state.sources)
    if (!source.error.empty()) found.push_back({source.kind, fmt::format("{}: {}", source.name, source.error)});
  if (state.reconciler.applied && !state.counters)
    found.push_back({FindingKind::counters, fmt::format("counters: {}", state.counters.error().message)});
  if (found.empty() && !state.reconciler.applied) found.push_back({FindingKind::not_applied, "nothing is applied yet"});
  std::ranges::copy(state.findings, std::back_inserter(found));
  for (const auto& source : state.sources)
    if (source.note) found.push_back(*source.note);
  return found;
}

std::vector<std::string> problems(const AgentState& state) {
  return texts_of(all_findings(state), Severity::problem);
}

// The last valid configuration is in force, by a datapath that works.
std::vector<std::string> obstacles_to_readiness(const AgentState& state) {
  using enum FindingKind;
  auto found = all_findings(state);
  std::erase_if(found, [](const Finding& finding) {
    return finding.kind == configuration || finding.kind == kubernetes || finding.kind == metrics_address ||
           finding.kind == datapath_fallback || finding.kind == internal_error;
  });
  return texts_of(found, Severity::problem);
}

Json render_status(const AgentState& state) {
  const auto counters = state.counters.value_or(Counters());
  Json status;
  status["version"] = state.version;
  status["uptimeSeconds"] = state.uptime.count();
  status["masquerading"] = render_masquerading(state.reconciler, state.datapath);
  status["podCidrs"] = render_pod_cidrs(state.reconciler);
  status["datapath"] = {{"name", state.datapath}, {"reason", state.datapath_reason}};
  status["sources"] = render_sources(state);
  status["apply"] = render_apply(state);
  status["mappings"] = render_tables(counters);
  if (state.reconciler.applied) status["limits"] = render_limits(*state.reconciler.applied);
  status["packets"] = render_packets(counters);
  const auto findings = all_findings(state);
  status["notes"] = texts_of(findings, Severity::note);
  status["problems"] = texts_of(findings, Severity::problem);
  status["findings"] = render_findings(findings);
  return status;
}

}  // namespace masq::agent
