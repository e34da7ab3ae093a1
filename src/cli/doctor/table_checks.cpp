// SPDX-License-Identifier: Apache-2.0
// How full the table of mappings is, and which packets are dropped now.
#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "base/protocol.hpp"
#include "cli/doctor/check.hpp"
#include "cli/json_members.hpp"
#include "cli/limits.hpp"
#include "cli/mapping_text.hpp"
#include "cli/usage.hpp"

namespace masq::cli {
namespace {

using Json = nlohmann::ordered_json;

bool is_nearly(std::uint64_t part, std::uint64_t whole) {
  return whole != 0 && part * 10 >= whole * 9;
}

Limits known_limits(const Examination& examination) {
  return examination.status ? limits_of(*examination.status) : Limits();
}

// Drops that the configuration or the node causes. Other packets are dropped because they are wrong themselves.
struct DropRemedy {
  std::string_view reason;
  std::string_view remedy;
};
constexpr DropRemedy drop_remedies[] = {
    {"no_external_address", "give the uplink an address, or set masquerade-address"},
    {"address_unavailable", "give the node its external address back: connections wait for it for 30 s"},
    {"no_free_port", "add addresses (masquerade-address), or widen nat-port-range; masq top names the destination"},
    {"port_share", "find what opens so many connections (masq top), or add addresses (masquerade-address)"},
    {"table_full", "raise nat-max-mappings"},
    {"pod_limit", "find what opens so many connections (masq top), or raise nat-max-mappings-per-pod"},
    {"rewrite_failed", "report it"},
    {"spoofed_source", "masq monitor --type drop names the senders; see enable-source-ip-verification"},
};

std::uint64_t packets_of(const Json& status, const Json& wanted) {
  for (const auto& row : member(status, "packets"))
    if (member(row, "family") == member(wanted, "family") && member(row, "direction") == member(wanted, "direction") &&
        member(row, "reason") == member(wanted, "reason"))
      return number_of(row, "packets");
  return 0;
}

}  // namespace

Remarks check_table_size(const Examination& examination) {
  if (!examination.status) return unknown("only masqd knows its maximum");
  Remarks remarks;
  for (const auto& table : member(*examination.status, "mappings")) {
    const auto used = number_of(table, "used"), maximum = number_of(table, "max");
    if (is_nearly(used, maximum))
      remarks.push_back(
          {.text = fmt::format("{}: {} of {} mappings are used", text_of(table, "family"), used, maximum),
           .remedy = "raise nat-max-mappings; with nftables and iptables net.netfilter.nf_conntrack_max"});
  }
  return remarks;
}

Remarks check_pods_at_limit(const Examination& examination) {
  if (!examination.usage) return unknown(examination.usage.error().message);
  const auto limit = known_limits(examination).per_pod;
  Remarks remarks;
  for (const auto& pod : examination.usage->pods)
    if (limit != 0 && pod.mappings >= limit)
      remarks.push_back({.text = fmt::format("{} has {} of {} mappings", pod.address.to_string(), pod.mappings, limit),
                         .remedy = "find what opens so many connections, or raise nat-max-mappings-per-pod"});
  return remarks;
}

Remarks check_destinations(const Examination& examination) {
  if (!examination.usage) return unknown(examination.usage.error().message);
  const auto ports = known_limits(examination).ports;
  Remarks remarks;
  for (const auto& one : examination.usage->destinations)
    if (const auto busy = one.of_range - one.gives_way; is_nearly(busy, ports))
      remarks.push_back(
          {.text = fmt::format("{} {} from {}: {} of {} ports are used", protocol_name(one.protocol),
                               render_endpoint(one.remote, one.remote_port), one.external.to_string(), busy, ports),
           .remedy = "add addresses (masquerade-address), or widen nat-port-range"});
  return remarks;
}

Remarks check_drops(const Examination& examination) {
  if (!examination.status) return unknown("only masqd knows the counters");
  Remarks remarks;
  for (const auto& row : member(examination.later, "packets")) {
    const auto reason = text_of(row, "reason");
    const auto* const known = std::ranges::find(drop_remedies, reason, &DropRemedy::reason);
    const auto before = packets_of(*examination.status, row), now = number_of(row, "packets");
    if (known == std::end(drop_remedies) || now <= before) continue;
    remarks.push_back({.text = fmt::format("{} {} {}: {} packets in a second", text_of(row, "family"),
                                           text_of(row, "direction"), reason, now - before),
                       .remedy = std::string(known->remedy)});
  }
  return remarks;
}

}  // namespace masq::cli
