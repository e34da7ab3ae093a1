// SPDX-License-Identifier: Apache-2.0
#include "datapath/netfilter/connections.hpp"

#include <fmt/format.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_conntrack_tcp.h>
#include <netinet/in.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/address.hpp"
#include "base/address_range.hpp"
#include "base/cidr.hpp"
#include "base/result.hpp"
#include "datapath/mapping_table.hpp"
#include "datapath/netfilter/conntrack.hpp"
#include "datapath/netfilter/conntrack_message.hpp"
#include "model/desired.hpp"
#include "model/finding.hpp"
#include "os/file.hpp"

namespace masq::netfilter {
namespace {

// Lifetime of the entry until a packet refreshes it.
constexpr std::uint32_t seconds_to_prove_alive = 120;

constexpr int max_attempts = 8;  // for a connection whose packets keep arriving

// Replaces the entry that conntrack has for it, with the pod's address in both directions.
Result<void> take_over_one(Conntrack& conntrack, const Mapping& mapping) {
  const Connection seen{.protocol = mapping.protocol,
                        .source = mapping.remote,
                        .destination = mapping.pod,
                        .source_port = mapping.remote_port,
                        .destination_port = mapping.pod_port};
  const Connection wanted{.protocol = mapping.protocol,
                          .source = mapping.pod,
                          .destination = mapping.remote,
                          .source_port = mapping.pod_port,
                          .destination_port = mapping.remote_port,
                          .reply_destination = mapping.external,
                          .reply_destination_port = mapping.external_port,
                          .seconds_left = seconds_to_prove_alive};
  for (int attempt = 0; attempt < max_attempts; ++attempt) {
    TRY(const auto deleted, conntrack.erase(seen));
    TRY(const auto created, conntrack.create(wanted));
    if (created || !deleted) break;
  }
  return {};
}

constexpr const char* sysctl_folder = "/proc/sys/net/netfilter/nf_conntrack_";

std::uint32_t read_number(const std::string& name) {
  const auto text = os::read_file(sysctl_folder + name, 64);
  return text ? static_cast<std::uint32_t>(std::strtoul(text->c_str(), nullptr, 10)) : 0;
}

// Returns the name of the idle timeout's sysctl for this kind of connection; empty: it has another timeout.
std::string timeout_name(const Connection& connection) {
  constexpr const char* tcp[] = {"",           "syn_sent", "syn_recv",  "established", "fin_wait",
                                 "close_wait", "last_ack", "time_wait", "close",       "syn_sent"};
  switch (connection.protocol) {
    case IPPROTO_TCP:
      return connection.tcp_state < std::size(tcp) ? fmt::format("tcp_timeout_{}", tcp[connection.tcp_state]) : "";
    case IPPROTO_UDP:
      return connection.status & IPS_ASSURED ? "udp_timeout_stream" : "udp_timeout";
    case IPPROTO_ICMP:
      return "icmp_timeout";
    case IPPROTO_ICMPV6:
      return "icmpv6_timeout";
    default:
      return "generic_timeout";
  }
}

const char* state_of(const Connection& connection) {
  if (!(connection.status & IPS_SEEN_REPLY)) return "new";
  if (connection.protocol != IPPROTO_TCP) return "established";
  switch (connection.tcp_state) {
    case TCP_CONNTRACK_SYN_SENT:
    case TCP_CONNTRACK_SYN_SENT2:
    case TCP_CONNTRACK_SYN_RECV:
      return "new";
    case TCP_CONNTRACK_ESTABLISHED:
      return "established";
    default:
      return "closing";
  }
}

class MappingMaker {
 public:
  Mapping make(const Connection& connection) {
    Mapping mapping;
    mapping.protocol = connection.protocol;
    mapping.pod = connection.source;
    mapping.pod_port = connection.source_port;
    // After a translation of the destination (a service's address), the real destination.
    mapping.remote = connection.reply_source;
    mapping.remote_port = is_icmp(connection.protocol) ? connection.source_port : connection.reply_source_port;
    mapping.external = connection.reply_destination;
    mapping.external_port = connection.reply_destination_port;
    mapping.state = state_of(connection);
    const auto longest = timeout(connection);
    mapping.idle_seconds = longest > connection.seconds_left ? longest - connection.seconds_left : 0;
    mapping.age_seconds = std::max(connection.age_seconds, mapping.idle_seconds);
    return mapping;
  }

 private:
  std::uint32_t timeout(const Connection& connection) {
    const auto name = timeout_name(connection);
    const auto known = std::ranges::find(timeouts_, name, &std::pair<std::string, std::uint32_t>::first);
    if (known != timeouts_.end()) return known->second;
    timeouts_.emplace_back(name, read_number(name));
    return timeouts_.back().second;
  }

  std::vector<std::pair<std::string, std::uint32_t>> timeouts_;
};

bool holds(const std::vector<AddressRange>& ranges, const Address& address) {
  return std::ranges::any_of(
      ranges, [&](const AddressRange& range) { return range.first <= address && address <= range.last; });
}

// Returns true for a connection of a pod without a translation of source or destination. Without its entry, its next
// packet is decided again. Connections between pods never leave through an uplink.
bool is_bypassed(const std::vector<AddressRange>& pods, const Connection& connection) {
  return (connection.status & (IPS_SRC_NAT | IPS_DST_NAT)) == 0 && !holds(pods, connection.destination);
}

bool began_in_a_gap(const Connection& connection, const FamilyPolicy& policy) {
  const auto& remote = connection.reply_source;
  return !(connection.status & IPS_SRC_NAT) && any_contains(policy.sources, connection.source) &&
         !remote.is_multicast() && decide_destination(policy, remote) == Decision::masquerade;
}

}  // namespace

Result<void> visit_connections(const std::function<void(const Connection&)>& visit) {
  TRY(auto conntrack, Conntrack::open());
  const auto table = connection_table();
  if (table.maximum != 0 && table.used == 0) return {};
  return conntrack.visit(visit);
}

Result<void> delete_connections(const std::vector<Connection>& connections) {
  if (connections.empty()) return {};
  TRY(auto conntrack, Conntrack::open());
  for (const auto& connection : connections) TRY_DO(conntrack.erase(connection));
  return {};
}

Result<void> take_over_connections(const std::vector<Mapping>& mappings) {
  if (mappings.empty()) return {};
  TRY(auto conntrack, Conntrack::open());
  for (const auto& mapping : mappings) TRY_DO(take_over_one(conntrack, mapping));
  return {};
}

Result<void> forget_connections(const std::vector<Mapping>& mappings) {
  std::vector<Connection> connections;
  for (const auto& mapping : mappings)
    connections.push_back({.protocol = mapping.protocol,
                           .source = mapping.pod,
                           .destination = mapping.remote,
                           .source_port = mapping.pod_port,
                           .destination_port = mapping.remote_port});
  return delete_connections(connections);
}

Result<void> visit_translated(const std::vector<AddressRange>& pods, const MappingVisitor& visit) {
  MappingMaker maker;
  return visit_connections([&](const Connection& connection) {
    if ((connection.status & IPS_SRC_NAT) && holds(pods, connection.source)) visit(maker.make(connection));
  });
}

std::optional<Mapping> translated_mapping(const Connection& connection, const std::vector<AddressRange>& pods) {
  if (!(connection.status & IPS_SRC_NAT) || !holds(pods, connection.source)) return std::nullopt;
  return MappingMaker().make(connection);
}

Result<Ended> end_connections(const std::vector<AddressRange>& pods, const MappingFilter& wanted) {
  MappingMaker maker;
  Ended ended;
  std::vector<Connection> found;
  const auto look_at = [&](const Connection& connection) {
    const bool translated = (connection.status & IPS_SRC_NAT) != 0;
    if (!holds(pods, connection.source) || (!translated && !is_bypassed(pods, connection))) return;
    auto mapping = maker.make(connection);
    if (!translated) mapping.bypass_reason = "bypassed";
    if (!wanted(mapping)) return;
    ++(translated ? ended.mappings : ended.bypassed);
    found.push_back(connection);
  };
  TRY_DO(visit_connections(look_at));
  TRY_DO(delete_connections(found));
  return ended;
}

Result<std::size_t> mend_connections(const Desired& desired) {
  std::vector<Connection> found;
  TRY_DO(visit_connections([&](const Connection& connection) {
    const auto& policy = desired.family(connection.source.family());
    if (policy.enabled && began_in_a_gap(connection, policy)) found.push_back(connection);
  }));
  TRY_DO(delete_connections(found));
  return found.size();
}

std::vector<Finding> findings_on_connection_table(const ConnectionTable& table) {
  if (table.maximum == 0 || table.used < table.maximum / 5 * 4) return {};
  return {{FindingKind::connection_table,
           fmt::format("nf_conntrack_max: {} of {} connections are in use", table.used, table.maximum)}};
}

std::vector<std::string> settings_of_port_timeouts() {
  std::vector<std::string> settings;
  for (const auto* const name : {"tcp_timeout_time_wait", "udp_timeout"})
    settings.push_back(fmt::format("net.netfilter.nf_conntrack_{}={}", name, read_number(name)));
  return settings;
}

ConnectionTable connection_table() {
  return {.used = read_number("count"), .maximum = read_number("max")};
}

}  // namespace masq::netfilter
