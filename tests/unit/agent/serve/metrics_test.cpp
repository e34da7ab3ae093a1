// SPDX-License-Identifier: Apache-2.0
#include "agent/serve/metrics.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <chrono>

#include "base/address.hpp"
#include "base/result.hpp"
#include "datapath/datapath.hpp"
#include "model/desired.hpp"
#include "os/process_usage.hpp"
#include "os/timers.hpp"
#include "unit/words.hpp"

namespace masq::agent {
namespace {

using std::chrono::seconds;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr os::Timers::Clock::time_point noon{std::chrono::hours(12)};

MetricsState healthy() {
  Desired desired;
  desired.uplinks = {{.ifindex = 2, .name = "eth0", .ipv4 = {"192.0.2.10"_ip}, .ipv6 = {"2001:db8::10"_ip}},
                     {.ifindex = 3, .name = "eth1"}};
  MetricsState state;
  state.wall_clock = std::chrono::system_clock::time_point(seconds(1'000'000));
  state.process = {.cpu_seconds = 1.5,
                   .resident_bytes = 4096,
                   .virtual_bytes = 8192,
                   .open_descriptors = 20,
                   .max_descriptors = 1024};
  auto& agent = state.agent;
  agent.version = "1.2.3";
  agent.uptime = seconds(90);
  agent.now = noon;
  agent.datapath = "BPF";
  agent.options.read_at = noon - seconds(90);
  agent.sources = {{.name = "netlink", .read_at = noon - seconds(3)},
                   {.name = "ip-masq-agent", .read_at = noon - seconds(10), .kind = FindingKind::configuration}};
  agent.reconciler.applied = desired;
  agent.reconciler.tried_at = noon - seconds(5);
  agent.reconciler.duration = std::chrono::milliseconds(250);
  agent.reconciler.failures = 2;
  agent.counters =
      Counters{.packets = {{.direction = "egress", .reason = "table_full", .drop = true, .packets = 7}},
               .tables = {{.family = Family::ipv4, .used = 1, .bypassed = 2, .maximum = 524288, .bytes = 64000000}},
               .mappings_created = {12, 0}};
  return state;
}

TEST(Metrics, AreTheContractsPage) {
  EXPECT_EQ(render_metrics(healthy()),
            R"(# HELP masq_build_info The version of masqd and the datapath that it uses.
# TYPE masq_build_info gauge
masq_build_info{version="1.2.3",datapath="BPF"} 1
# HELP masq_nat_mappings Number of mappings.
# TYPE masq_nat_mappings gauge
masq_nat_mappings{family="ipv4"} 1
# HELP masq_nat_mappings_max Maximum number of mappings: nat-max-mappings.
# TYPE masq_nat_mappings_max gauge
masq_nat_mappings_max{family="ipv4"} 524288
# HELP masq_nat_table_bytes Memory of the tables of mappings.
# TYPE masq_nat_table_bytes gauge
masq_nat_table_bytes{family="ipv4"} 64000000
# HELP masq_nat_bypassed Remembered connections that are not masqueraded.
# TYPE masq_nat_bypassed gauge
masq_nat_bypassed{family="ipv4"} 2
# HELP masq_nat_mappings_created_total Created mappings.
# TYPE masq_nat_mappings_created_total counter
masq_nat_mappings_created_total{family="ipv4"} 12
# HELP masq_packets_total Packets by reason.
# TYPE masq_packets_total counter
masq_packets_total{family="ipv4",direction="egress",reason="table_full"} 7
# HELP masq_config_last_reload_successful 1 if the last read of masqd's options and of the ip-masq-agent's file succeeded.
# TYPE masq_config_last_reload_successful gauge
masq_config_last_reload_successful 1
# HELP masq_config_last_reload_success_timestamp_seconds Time of the last successful read of the configuration.
# TYPE masq_config_last_reload_success_timestamp_seconds gauge
masq_config_last_reload_success_timestamp_seconds 999990
# HELP masq_source_healthy 1 if the last read of a source of facts succeeded.
# TYPE masq_source_healthy gauge
masq_source_healthy{source="netlink"} 1
masq_source_healthy{source="ip-masq-agent"} 1
# HELP masq_problem Number of problems of this kind in the status; 0: none.
# TYPE masq_problem gauge
masq_problem{problem="no_uplink"} 0
masq_problem{problem="device_missing"} 0
masq_problem{problem="no_pod_cidr"} 0
masq_problem{problem="no_address"} 0
masq_problem{problem="masquerade_address_missing"} 0
masq_problem{problem="no_port"} 0
masq_problem{problem="too_many_uplinks"} 0
masq_problem{problem="too_many_pod_cidrs"} 0
masq_problem{problem="forwarding_off"} 0
masq_problem{problem="apply"} 0
masq_problem{problem="configuration"} 0
masq_problem{problem="source"} 0
masq_problem{problem="counters"} 0
masq_problem{problem="not_applied"} 0
masq_problem{problem="drift"} 0
masq_problem{problem="program_hides"} 0
masq_problem{problem="other_masq"} 0
masq_problem{problem="datapath_fallback"} 0
masq_problem{problem="internal_error"} 0
masq_problem{problem="kubernetes"} 0
masq_problem{problem="kubernetes_node"} 0
masq_problem{problem="metrics_address"} 0
# HELP masq_apply_duration_seconds Duration of the last attempt to change the kernel.
# TYPE masq_apply_duration_seconds gauge
masq_apply_duration_seconds 0.25
# HELP masq_apply_errors_total Failed attempts to change the kernel.
# TYPE masq_apply_errors_total counter
masq_apply_errors_total 2
# HELP masq_uplink_info An uplink and its first external address of each family.
# TYPE masq_uplink_info gauge
masq_uplink_info{device="eth0",ipv4="192.0.2.10",ipv6="2001:db8::10"} 1
masq_uplink_info{device="eth1",ipv4="",ipv6=""} 1
# HELP process_cpu_seconds_total User and system CPU time spent by masqd.
# TYPE process_cpu_seconds_total counter
process_cpu_seconds_total 1.5
# HELP process_resident_memory_bytes Resident memory of masqd.
# TYPE process_resident_memory_bytes gauge
process_resident_memory_bytes 4096
# HELP process_virtual_memory_bytes Virtual memory of masqd.
# TYPE process_virtual_memory_bytes gauge
process_virtual_memory_bytes 8192
# HELP process_open_fds Open file descriptors of masqd.
# TYPE process_open_fds gauge
process_open_fds 20
# HELP process_max_fds Maximum number of open file descriptors of masqd.
# TYPE process_max_fds gauge
process_max_fds 1024
# HELP process_start_time_seconds Start time of masqd.
# TYPE process_start_time_seconds gauge
process_start_time_seconds 999910
)");
}

TEST(Metrics, ProtocolsAndPortAttemptsWhereTheDatapathCountsThem) {
  auto state = healthy();
  state.agent.counters->created_by_protocol = {{.protocol = "tcp", .mappings = 11}, {.protocol = "udp", .mappings = 1}};
  state.agent.counters->port_attempts = {
      .buckets = {{.at_most = 1, .allocations = 9}, {.at_most = 4, .allocations = 10}},
      .allocations = 12,
      .attempts = 40};
  const auto page = render_metrics(state);
  EXPECT_THAT(page, HasSubstr("masq_nat_mappings_created_total{family=\"ipv4\",protocol=\"tcp\"} 11\n"
                              "masq_nat_mappings_created_total{family=\"ipv4\",protocol=\"udp\"} 1\n"));
  EXPECT_THAT(page, HasSubstr("# TYPE masq_nat_port_allocation_attempts histogram\n"
                              "masq_nat_port_allocation_attempts_count 12\n"
                              "masq_nat_port_allocation_attempts_sum 40\n"
                              "masq_nat_port_allocation_attempts_bucket{le=\"1\"} 9\n"
                              "masq_nat_port_allocation_attempts_bucket{le=\"4\"} 10\n"
                              "masq_nat_port_allocation_attempts_bucket{le=\"+Inf\"} 12\n"));
}

TEST(Metrics, OfKubernetesAreThereWithItsSource) {
  auto state = healthy();
  EXPECT_THAT(render_metrics(state), Not(HasSubstr("masq_kubernetes")));
  state.agent.sources.push_back({.name = "kubernetes", .read_at = noon - seconds(4)});
  state.agent.kubernetes_nodes = 3;
  state.agent.kubernetes_requests = {{0, 2}, {200, 7}};
  const auto page = render_metrics(state);
  EXPECT_THAT(page, HasSubstr("\nmasq_kubernetes_nodes 3\n"));
  EXPECT_THAT(page, HasSubstr("\nmasq_kubernetes_last_sync_timestamp_seconds 999996\n"));
  EXPECT_THAT(page, HasSubstr("\nmasq_kubernetes_requests_total{code=\"0\"} 2\n"
                              "masq_kubernetes_requests_total{code=\"200\"} 7\n"));
}

struct ReloadRow {
  const char* what;
  const char* options_error;
  const char* file_error;
  const char* successful;
  const char* at;
};

TEST(Metrics, OfWhatFailsTheLastSuccessIsShown) {
  const ReloadRow rows[] = {{"all is well", "", "", "1", "999990"},
                            {"bad options", "devices: …", "", "0", "999910"},
                            {"a bad file", "", "line 3: …", "0", "999990"},
                            {"both", "devices: …", "line 3: …", "0", "999910"}};
  for (const auto& row : rows) {
    auto state = healthy();
    state.agent.options.error = row.options_error;
    state.agent.sources[1].error = row.file_error;
    const auto page = render_metrics(state);
    EXPECT_THAT(page, HasSubstr(fmt::format("\nmasq_config_last_reload_successful {}\n", row.successful))) << row.what;
    EXPECT_THAT(page, HasSubstr(fmt::format("_success_timestamp_seconds {}\n", row.at))) << row.what;
  }
}

TEST(Metrics, WhatIsNotKnownIsNotThere) {
  MetricsState state;
  state.agent.counters = fail("no map");
  const auto page = render_metrics(state);
  for (const char* name : {"masq_nat_mappings", "masq_packets_total", "masq_uplink_info", "masq_apply_duration",
                           "masq_nat_port_allocation_attempts"})
    EXPECT_THAT(page, Not(HasSubstr(name)));
  EXPECT_THAT(page, HasSubstr("masq_apply_errors_total 0\n"));
}

TEST(ProcessUsage, IsThisProcess) {
  const auto usage = os::read_process_usage();
  EXPECT_GT(usage.cpu_seconds, 0);
  EXPECT_GT(usage.resident_bytes, 1u << 20);
  EXPECT_GT(usage.virtual_bytes, usage.resident_bytes);
  EXPECT_GE(usage.open_descriptors, 3u);
  EXPECT_GE(usage.max_descriptors, usage.open_descriptors);
}

}  // namespace
}  // namespace masq::agent
