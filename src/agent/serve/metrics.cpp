// SPDX-License-Identifier: Apache-2.0
// Most values are counted in the kernel, so there is no registry: families are filled and rendered.
#include "agent/serve/metrics.hpp"

#include <prometheus/text_serializer.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "agent/reconciler.hpp"
#include "agent/serve/agent_state.hpp"
#include "agent/serve/status.hpp"
#include "agent/sources/source.hpp"
#include "base/address.hpp"
#include "datapath/counters.hpp"
#include "model/finding.hpp"
#include "os/timers.hpp"

namespace masq::agent {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricType;
using Labels = std::vector<ClientMetric::Label>;

class Page {
 public:
  // Starts a family; later values belong to it.
  void family(std::string name, std::string help, MetricType type) {
    families_.push_back({.name = std::move(name), .help = std::move(help), .type = type, .metric = {}});
  }
  void add(double value, Labels labels = {}) {
    auto& metric = new_metric(std::move(labels));
    if (families_.back().type == MetricType::Counter)
      metric.counter.value = value;
    else
      metric.gauge.value = value;
  }
  void add(ClientMetric::Histogram histogram) { new_metric({}).histogram = std::move(histogram); }

  // Omits families without values.
  std::string text() && {
    std::erase_if(families_, [](const auto& family) { return family.metric.empty(); });
    return prometheus::TextSerializer().Serialize(families_);
  }

 private:
  ClientMetric& new_metric(Labels labels) {
    auto& metric = families_.back().metric.emplace_back();
    metric.label = std::move(labels);
    return metric;
  }

  std::vector<prometheus::MetricFamily> families_;
};

double number(std::uint64_t value) {
  return static_cast<double>(value);
}

std::string first_of(const std::vector<Address>& addresses) {
  return addresses.empty() ? "" : addresses.front().to_string();
}

void add_tables(Page& page, const Counters& counters) {
  page.family("masq_nat_mappings", "Number of mappings.", MetricType::Gauge);
  for (const auto& table : counters.tables) page.add(table.used, {{"family", family_label(table.family)}});
  page.family("masq_nat_mappings_max", "Maximum number of mappings: nat-max-mappings.", MetricType::Gauge);
  for (const auto& table : counters.tables) page.add(table.maximum, {{"family", family_label(table.family)}});
  page.family("masq_nat_table_bytes", "Memory of the tables of mappings.", MetricType::Gauge);
  for (const auto& table : counters.tables)
    if (table.bytes != 0) page.add(number(table.bytes), {{"family", family_label(table.family)}});
  page.family("masq_nat_bypassed", "Remembered connections that are not masqueraded.", MetricType::Gauge);
  for (const auto& table : counters.tables) page.add(table.bypassed, {{"family", family_label(table.family)}});
}

void add_created(Page& page, const Counters& counters) {
  page.family("masq_nat_mappings_created_total", "Created mappings.", MetricType::Counter);
  for (const auto& created : counters.created_by_protocol)
    page.add(number(created.mappings), {{"family", family_label(created.family)}, {"protocol", created.protocol}});
  if (!counters.created_by_protocol.empty()) return;
  for (const auto& table : counters.tables)
    page.add(number(counters.mappings_created[table.family == Family::ipv4 ? 0 : 1]),
             {{"family", family_label(table.family)}});
}

void add_port_attempts(Page& page, const Counters& counters) {
  if (!counters.port_attempts) return;
  const auto& measured = *counters.port_attempts;
  page.family("masq_nat_port_allocation_attempts", "Ports examined for a new mapping.", MetricType::Histogram);
  ClientMetric::Histogram histogram{
      .sample_count = measured.allocations, .sample_sum = number(measured.attempts), .bucket = {}};
  for (const auto& bucket : measured.buckets)
    histogram.bucket.push_back({.cumulative_count = bucket.allocations, .upper_bound = number(bucket.at_most)});
  histogram.bucket.push_back(
      {.cumulative_count = measured.allocations, .upper_bound = std::numeric_limits<double>::infinity()});
  page.add(std::move(histogram));
}

void add_packets(Page& page, const Counters& counters) {
  page.family("masq_packets_total", "Packets by reason.", MetricType::Counter);
  for (const auto& row : counters.packets)
    page.add(number(row.packets),
             {{"family", family_label(row.family)}, {"direction", row.direction}, {"reason", row.reason}});
}

const Source::State* find_source(const AgentState& agent, std::string_view name) {
  const auto found = std::ranges::find(agent.sources, name, &Source::State::name);
  return found == agent.sources.end() ? nullptr : &*found;
}

const Source::State* find_file(const AgentState& agent) {
  return find_source(agent, ip_masq_agent_source_name);
}

double timestamp(const MetricsState& state, os::Timers::Clock::time_point when) {
  const auto wall_clock = state.wall_clock - (state.agent.now - when);
  return std::chrono::floor<std::chrono::milliseconds>(wall_clock).time_since_epoch().count() / 1e3;
}

void add_kubernetes(Page& page, const MetricsState& state) {
  const auto* const source = find_source(state.agent, kubernetes_source_name);
  if (source == nullptr) return;
  page.family("masq_kubernetes_nodes", "Nodes of the cluster, as the API of Kubernetes said last.", MetricType::Gauge);
  page.add(number(state.agent.kubernetes_nodes));
  page.family("masq_kubernetes_last_sync_timestamp_seconds", "Time of the last answer of the API of Kubernetes.",
              MetricType::Gauge);
  if (source->read_at) page.add(timestamp(state, *source->read_at));
  page.family("masq_kubernetes_requests_total",
              "Ended requests to the API of Kubernetes by status; 0: without an answer.", MetricType::Counter);
  for (const auto& [code, count] : state.agent.kubernetes_requests)
    page.add(number(count), {{"code", std::to_string(code)}});
}

// An API of Kubernetes that is away is no wrong configuration.
bool is_rejected(const Source::State& source) {
  return !source.error.empty() && source.kind == FindingKind::configuration;
}

// Returns the last success of the failing sources. If no source fails, returns the time of the last read.
os::Timers::Clock::time_point last_config_success(const AgentState& agent) {
  const auto* const file = find_file(agent);
  const auto options_read_at = agent.options.read_at.value_or(os::Timers::Clock::time_point());
  if (!agent.options.error.empty() || file == nullptr || !file->read_at) return options_read_at;
  return is_rejected(*file) ? *file->read_at : std::max(options_read_at, *file->read_at);
}

void add_config(Page& page, const MetricsState& state) {
  const auto* const file = find_file(state.agent);
  const bool good = state.agent.options.error.empty() && (file == nullptr || !is_rejected(*file));
  page.family("masq_config_last_reload_successful",
              "1 if the last read of masqd's options and of the ip-masq-agent's file succeeded.", MetricType::Gauge);
  page.add(good ? 1 : 0);
  page.family("masq_config_last_reload_success_timestamp_seconds",
              "Time of the last successful read of the configuration.", MetricType::Gauge);
  page.add(timestamp(state, last_config_success(state.agent)));
  page.family("masq_source_healthy", "1 if the last read of a source of facts succeeded.", MetricType::Gauge);
  for (const auto& source : state.agent.sources) page.add(source.error.empty() ? 1 : 0, {{"source", source.name}});
}

// Each kind of problem has a value, so that an alert can tell "none" from "unknown".
void add_problems(Page& page, const AgentState& agent) {
  page.family("masq_problem", "Number of problems of this kind in the status; 0: none.", MetricType::Gauge);
  const auto findings = all_findings(agent);
  for (const auto& row : finding_rows())
    if (row.severity == Severity::problem)
      page.add(static_cast<double>(std::ranges::count(findings, row.kind, &Finding::kind)),
               {{"problem", std::string(row.word)}});
}

void add_apply(Page& page, const Reconciler::State& reconciler) {
  page.family("masq_apply_duration_seconds", "Duration of the last attempt to change the kernel.", MetricType::Gauge);
  if (reconciler.tried_at) page.add(std::chrono::duration<double>(reconciler.duration).count());
  page.family("masq_apply_errors_total", "Failed attempts to change the kernel.", MetricType::Counter);
  page.add(number(reconciler.failures));
}

void add_uplinks(Page& page, const Reconciler::State& reconciler) {
  page.family("masq_uplink_info", "An uplink and its first external address of each family.", MetricType::Gauge);
  if (!reconciler.applied) return;
  for (const auto& uplink : reconciler.applied->uplinks)
    page.add(1, {{"device", uplink.name}, {"ipv4", first_of(uplink.ipv4)}, {"ipv6", first_of(uplink.ipv6)}});
}

void add_process(Page& page, const MetricsState& state) {
  const auto& process = state.process;
  page.family("process_cpu_seconds_total", "User and system CPU time spent by masqd.", MetricType::Counter);
  page.add(process.cpu_seconds);
  page.family("process_resident_memory_bytes", "Resident memory of masqd.", MetricType::Gauge);
  page.add(number(process.resident_bytes));
  page.family("process_virtual_memory_bytes", "Virtual memory of masqd.", MetricType::Gauge);
  page.add(number(process.virtual_bytes));
  page.family("process_open_fds", "Open file descriptors of masqd.", MetricType::Gauge);
  page.add(number(process.open_descriptors));
  page.family("process_max_fds", "Maximum number of open file descriptors of masqd.", MetricType::Gauge);
  page.add(number(process.max_descriptors));
  page.family("process_start_time_seconds", "Start time of masqd.", MetricType::Gauge);
  const auto start = std::chrono::floor<std::chrono::seconds>(state.wall_clock) - state.agent.uptime;
  page.add(static_cast<double>(start.time_since_epoch().count()));
}

}  // namespace

std::string render_metrics(const MetricsState& state) {
  Page page;
  page.family("masq_build_info", "The version of masqd and the datapath that it uses.", MetricType::Gauge);
  page.add(1, {{"version", state.agent.version}, {"datapath", state.agent.datapath}});
  if (state.agent.counters) {
    add_tables(page, *state.agent.counters);
    add_created(page, *state.agent.counters);
    add_port_attempts(page, *state.agent.counters);
    add_packets(page, *state.agent.counters);
  }
  add_config(page, state);
  add_kubernetes(page, state);
  add_problems(page, state.agent);
  add_apply(page, state.agent.reconciler);
  add_uplinks(page, state.agent.reconciler);
  add_process(page, state);
  return std::move(page).text();
}

}  // namespace masq::agent
