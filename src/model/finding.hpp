// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace masq {

// What the operator must know about the state of the node or of masquerading. docs/reference.md lists all of them.
enum class FindingKind : std::uint8_t {
  no_uplink,
  device_missing,
  no_pod_cidr,
  no_address,
  masquerade_address_missing,
  no_port,
  too_many_uplinks,
  too_many_pod_cidrs,
  forwarding_off,
  apply,
  configuration,
  source,
  counters,
  not_applied,
  drift,
  program_hides,
  other_masq,
  datapath_fallback,
  internal_error,
  kubernetes,
  kubernetes_node,
  metrics_address,
  device_skipped,
  address_tentative,
  ports_overlap,
  ephemeral_ports,
  ip_masq_agent,
  reverse_path,
  option_without_effect,
  other_masquerading,
  foreign_rules_unread,
  program_before,
  address_away,
  connection_table,
  iptables_variant,
  container_network,
  state_not_kept,
};

// problem: something that the configuration wants is not in force. `masq status` is not OK.
// note: everything is in force; the operator may want to know it.
enum class Severity : std::uint8_t { problem, note };

struct Finding {
  FindingKind kind{};
  std::string text;  // one line: what it concerns, what is wrong, what mends it
  auto operator<=>(const Finding&) const = default;
};

// A row of the reference.
struct FindingRow {
  FindingKind kind;
  Severity severity;
  std::string_view word;     // label of the metric masq_problem
  std::string_view meaning;  // one sentence
  std::string_view remedy;
};

std::span<const FindingRow> finding_rows();
const FindingRow& row_of(FindingKind kind);

// Returns the texts of one severity, in their order.
std::vector<std::string> texts_of(const std::vector<Finding>& findings, Severity severity);

}  // namespace masq
