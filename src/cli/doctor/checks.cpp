// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cli/doctor/check.hpp"
#include "cli/json_members.hpp"
#include "model/options/values.hpp"

namespace masq::cli {
namespace {

constexpr std::string_view start_masqd = "start masqd (systemctl start masqd), or name its socket with --socket-path";

Remarks check_agent(const Examination& examination) {
  if (!examination.status)
    return {{.text = examination.status.error().error.message, .remedy = std::string(start_masqd)}};
  if (!examination.status->contains("findings"))
    return {{.text = "masqd is older than masq, and does not say what mends a problem", .remedy = "restart masqd"}};
  return {};
}

constexpr Check all_checks[] = {
    {.name = "agent", .run = check_agent},
    {.name = "configuration", .findings = "configuration ip_masq_agent option_without_effect"},
    {.name = "facts", .findings = "source kubernetes kubernetes_node state_not_kept"},
    {.name = "state in the kernel", .findings = "apply not_applied drift counters internal_error"},
    {.name = "datapath", .findings = "datapath_fallback iptables_variant"},
    {.name = "uplinks", .findings = "no_uplink device_missing too_many_uplinks device_skipped"},
    {.name = "external addresses", .findings = "no_address masquerade_address_missing address_tentative address_away"},
    {.name = "pod CIDRs", .findings = "no_pod_cidr too_many_pod_cidrs container_network"},
    {.name = "forwarding", .findings = "forwarding_off"},
    {.name = "reverse path filter", .findings = "reverse_path"},
    {.name = "external ports", .findings = "no_port ports_overlap ephemeral_ports"},
    {.name = "masquerading by others", .findings = "other_masquerading foreign_rules_unread"},
    {.name = "programs on the hook", .findings = "program_hides program_before other_masq"},
    {.name = "conntrack", .findings = "connection_table"},
    {.name = "metrics", .findings = "metrics_address"},
    {.name = "table of mappings", .run = check_table_size},
    {.name = "pods at their limit", .run = check_pods_at_limit},
    {.name = "ports toward destinations", .run = check_destinations},
    {.name = "drops", .run = check_drops},
    {.name = "forward rules", .run = check_forward_rules},
    {.name = "bpffs", .run = check_bpffs},
    {.name = "kernel", .run = check_kernel_release},
    {.name = "JIT compiler", .run = check_jit},
    {.name = "MTU", .run = check_mtu},
    {.name = "clock", .run = check_clock},
};

// The reference's tables quote names; a terminal needs no marks.
std::string without_marks(std::string text) {
  std::erase(text, '`');
  return text;
}

Remarks findings_among(const nlohmann::ordered_json& status, std::string_view words) {
  const std::string all(words);
  const auto wanted = values::words({&all, 1});
  Remarks remarks;
  for (const auto& finding : member(status, "findings"))
    if (std::ranges::find(wanted, text_of(finding, "word")) != wanted.end())
      remarks.push_back({.level = text_of(finding, "severity") == "problem" ? Level::fault : Level::note,
                         .text = text_of(finding, "text"),
                         .remedy = without_marks(text_of(finding, "remedy"))});
  return remarks;
}

}  // namespace

std::span<const Check> checks() {
  return all_checks;
}

Remarks unknown(std::string why) {
  return {{.level = Level::unknown, .text = std::move(why), .remedy = {}}};
}

Remarks run_check(const Check& check, const Examination& examination) {
  if (check.run != nullptr) return check.run(examination);
  if (!examination.status) return unknown("only masqd knows it");
  return findings_among(*examination.status, check.findings);
}

std::vector<PodNetwork> pod_networks(const nlohmann::ordered_json& status) {
  constexpr std::string_view bridge_origin = "the bridge ";  // model/pod_cidrs.cpp
  std::vector<PodNetwork> networks;
  for (const auto& row : member(status, "podCidrs")) {
    const auto origin = text_of(row, "origin");
    networks.push_back({.cidr = text_of(row, "cidr"),
                        .bridge = origin.starts_with(bridge_origin) ? origin.substr(bridge_origin.size()) : ""});
  }
  return networks;
}

bool uses_bpf(const Examination& examination) {
  return examination.status && text_of(member(*examination.status, "datapath"), "name") == "BPF";
}

}  // namespace masq::cli
