// SPDX-License-Identifier: Apache-2.0
#include "datapath/netfilter/connections.hpp"

#include <fmt/format.h>
#include <libnetfilter_conntrack/libnetfilter_conntrack.h>
#include <libnetfilter_conntrack/libnetfilter_conntrack_tcp.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/address.hpp"
#include "base/address_range.hpp"
#include "base/cidr.hpp"
#include "base/result.hpp"
#include "datapath/mapping_table.hpp"
#include "model/desired.hpp"
#include "model/finding.hpp"
#include "os/file.hpp"

namespace masq::netfilter {
namespace {

struct Close {
  void operator()(nfct_handle* handle) const { nfct_close(handle); }
  void operator()(nf_conntrack* connection) const { nfct_destroy(connection); }
};
using Handle = std::unique_ptr<nfct_handle, Close>;

Result<Handle> open_conntrack() {
  Handle handle(nfct_open(CONNTRACK, 0));
  if (!handle) return fail("conntrack: open: {}", std::strerror(errno));
  return handle;
}

std::uint8_t socket_family(Family family) {
  return family == Family::ipv4 ? AF_INET : AF_INET6;
}

// The attributes of one tuple: the families have different numbers for the same meanings.
struct TupleNames {
  nf_conntrack_attr source4, destination4, source6, destination6, source_port, destination_port;
};
constexpr TupleNames original{ATTR_ORIG_IPV4_SRC, ATTR_ORIG_IPV4_DST, ATTR_ORIG_IPV6_SRC,
                              ATTR_ORIG_IPV6_DST, ATTR_ORIG_PORT_SRC, ATTR_ORIG_PORT_DST};
constexpr TupleNames reply{ATTR_REPL_IPV4_SRC, ATTR_REPL_IPV4_DST, ATTR_REPL_IPV6_SRC,
                           ATTR_REPL_IPV6_DST, ATTR_REPL_PORT_SRC, ATTR_REPL_PORT_DST};

Address address_of(const nf_conntrack* raw, nf_conntrack_attr name, Family family) {
  const auto* const bytes = static_cast<const std::uint8_t*>(nfct_get_attr(raw, name));
  if (bytes == nullptr) return {};
  return Address::from_bytes({bytes, static_cast<std::size_t>(address_bytes(family))});
}

bool is_icmp(std::uint8_t protocol) {
  return protocol == IPPROTO_ICMP || protocol == IPPROTO_ICMPV6;
}

std::uint16_t port_of(const nf_conntrack* raw, nf_conntrack_attr name) {
  return ntohs(nfct_get_attr_u16(raw, name));
}

// libnetfilter_conntrack has an attribute for the identifier of the original direction, but none for the reply
// direction. It only prints it: "… id=77 src=… id=78 …".
std::uint16_t reply_identifier(const nf_conntrack* raw) {
  std::array<char, 1024> line{};
  nfct_snprintf(line.data(), line.size(), raw, NFCT_T_UNKNOWN, NFCT_O_DEFAULT, 0);
  const std::string_view text = line.data();
  const auto found = text.rfind(" id=");
  return found == std::string_view::npos
             ? 0
             : static_cast<std::uint16_t>(std::strtoul(line.data() + found + 4, nullptr, 10));
}

std::uint64_t age_of(const nf_conntrack* raw) {
  if (nfct_attr_is_set(raw, ATTR_TIMESTAMP_START) <= 0) return 0;
  const auto now = std::chrono::system_clock::now().time_since_epoch();  // the kernel's time stamp uses the wall clock
  const auto age =
      std::chrono::nanoseconds(now).count() - static_cast<std::int64_t>(nfct_get_attr_u64(raw, ATTR_TIMESTAMP_START));
  return age < 0 ? 0 : static_cast<std::uint64_t>(age) / 1'000'000'000u;
}

Connection to_connection(const nf_conntrack* raw, Family family) {
  const bool v4 = family == Family::ipv4;
  const auto protocol = nfct_get_attr_u8(raw, ATTR_L4PROTO);
  Connection connection{.protocol = protocol,
                        .source = address_of(raw, v4 ? original.source4 : original.source6, family),
                        .destination = address_of(raw, v4 ? original.destination4 : original.destination6, family),
                        .source_port = port_of(raw, original.source_port),
                        .destination_port = port_of(raw, original.destination_port),
                        .reply_source = address_of(raw, v4 ? reply.source4 : reply.source6, family),
                        .reply_destination = address_of(raw, v4 ? reply.destination4 : reply.destination6, family),
                        .reply_source_port = port_of(raw, reply.source_port),
                        .reply_destination_port = port_of(raw, reply.destination_port),
                        .id = nfct_get_attr_u32(raw, ATTR_ID),
                        .status = nfct_get_attr_u32(raw, ATTR_STATUS),
                        .tcp_state = nfct_get_attr_u8(raw, ATTR_TCP_STATE),
                        .seconds_left = nfct_get_attr_u32(raw, ATTR_TIMEOUT),
                        .age_seconds = age_of(raw)};
  if (is_icmp(protocol)) {
    connection.source_port = connection.destination_port = port_of(raw, ATTR_ICMP_ID);
    connection.reply_source_port = connection.reply_destination_port = reply_identifier(raw);
  }
  return connection;
}

struct Visitor {
  Family family;
  const std::function<void(const Connection&)>* visit;
};

int call_visitor(nf_conntrack_msg_type, nf_conntrack* raw, void* data) {
  const auto& visitor = *static_cast<const Visitor*>(data);
  (*visitor.visit)(to_connection(raw, visitor.family));
  return NFCT_CB_CONTINUE;
}

void set_address(nf_conntrack* raw, nf_conntrack_attr name, const Address& address) {
  nfct_set_attr(raw, name, address.bytes().data());
}

void set_tuple(nf_conntrack* raw, const Connection& connection) {
  const bool v4 = connection.source.family() == Family::ipv4;
  nfct_set_attr_u8(raw, ATTR_L3PROTO, socket_family(connection.source.family()));
  nfct_set_attr_u8(raw, ATTR_L4PROTO, connection.protocol);
  set_address(raw, v4 ? original.source4 : original.source6, connection.source);
  set_address(raw, v4 ? original.destination4 : original.destination6, connection.destination);
  if (is_icmp(connection.protocol)) {
    nfct_set_attr_u8(raw, ATTR_ICMP_TYPE, v4 ? ICMP_ECHO : ICMP6_ECHO_REQUEST);
    nfct_set_attr_u8(raw, ATTR_ICMP_CODE, 0);
    nfct_set_attr_u16(raw, ATTR_ICMP_ID, htons(connection.source_port));
  } else {
    nfct_set_attr_u16(raw, original.source_port, htons(connection.source_port));
    nfct_set_attr_u16(raw, original.destination_port, htons(connection.destination_port));
  }
}

// Returns false if there was none.
Result<bool> delete_one(nfct_handle* handle, const Connection& connection) {
  const std::unique_ptr<nf_conntrack, Close> raw(nfct_new());
  if (!raw) return fail("conntrack: out of memory");
  set_tuple(raw.get(), connection);
  if (connection.id != 0) nfct_set_attr_u32(raw.get(), ATTR_ID, connection.id);
  if (nfct_query(handle, NFCT_Q_DESTROY, raw.get()) == 0) return true;
  if (errno != ENOENT) return fail("conntrack: delete an entry: {}", std::strerror(errno));
  return false;
}

// Lifetime of the entry until a packet refreshes it.
constexpr std::uint32_t seconds_to_prove_alive = 120;

// Returns false if one exists.
Result<bool> create_one(nfct_handle* handle, const Mapping& mapping) {
  const std::unique_ptr<nf_conntrack, Close> raw(nfct_new());
  if (!raw) return fail("conntrack: out of memory");
  set_tuple(raw.get(), {.protocol = mapping.protocol,
                        .source = mapping.pod,
                        .destination = mapping.remote,
                        .source_port = mapping.pod_port,
                        .destination_port = mapping.remote_port});
  nfct_setobjopt(raw.get(), NFCT_SOPT_SETUP_REPLY);
  const bool v4 = mapping.pod.family() == Family::ipv4;
  set_address(raw.get(), v4 ? ATTR_SNAT_IPV4 : ATTR_SNAT_IPV6, mapping.external);
  nfct_set_attr_u16(raw.get(), ATTR_SNAT_PORT, htons(mapping.external_port));
  nfct_set_attr_u32(raw.get(), ATTR_TIMEOUT, seconds_to_prove_alive);
  nfct_set_attr_u32(raw.get(), ATTR_STATUS, IPS_CONFIRMED | IPS_SEEN_REPLY | IPS_ASSURED);
  if (mapping.protocol == IPPROTO_TCP) {
    nfct_set_attr_u8(raw.get(), ATTR_TCP_STATE, TCP_CONNTRACK_ESTABLISHED);
    for (const auto flags : {ATTR_TCP_FLAGS_ORIG, ATTR_TCP_FLAGS_REPL, ATTR_TCP_MASK_ORIG, ATTR_TCP_MASK_REPL})
      nfct_set_attr_u8(raw.get(), flags, IP_CT_TCP_FLAG_BE_LIBERAL);  // conntrack does not know the windows
  }
  if (nfct_query(handle, NFCT_Q_CREATE, raw.get()) == 0) return true;
  if (errno != EEXIST) return fail("conntrack: create an entry: {}", std::strerror(errno));
  return false;
}

constexpr int max_attempts = 8;  // for a connection whose packets keep arriving

// Replaces the entry that conntrack has for it, with the pod's address in both directions.
Result<void> take_over_one(nfct_handle* handle, const Mapping& mapping) {
  const Connection seen{.protocol = mapping.protocol,
                        .source = mapping.remote,
                        .destination = mapping.pod,
                        .source_port = mapping.remote_port,
                        .destination_port = mapping.pod_port};
  for (int attempt = 0; attempt < max_attempts; ++attempt) {
    TRY(auto deleted, delete_one(handle, seen));
    TRY(auto created, create_one(handle, mapping));
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

Result<void> visit_connections(Family family, const std::function<void(const Connection&)>& visit) {
  TRY(auto handle, open_conntrack());
  Visitor visitor{family, &visit};
  nfct_callback_register(handle.get(), NFCT_T_ALL, call_visitor, &visitor);
  const std::uint32_t wanted = socket_family(family);
  if (nfct_query(handle.get(), NFCT_Q_DUMP, &wanted) != 0)
    return fail("conntrack: read entries: {}", std::strerror(errno));
  return {};
}

Result<void> delete_connections(const std::vector<Connection>& connections) {
  if (connections.empty()) return {};
  TRY(auto handle, open_conntrack());
  for (const auto& connection : connections) TRY_DO(delete_one(handle.get(), connection));
  return {};
}

Result<void> take_over_connections(const std::vector<Mapping>& mappings) {
  if (mappings.empty()) return {};
  TRY(auto handle, open_conntrack());
  for (const auto& mapping : mappings)
    if (auto done = take_over_one(handle.get(), mapping); !done) return done;
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
  for (const auto family : {Family::ipv4, Family::ipv6}) {
    auto done = visit_connections(family, [&](const Connection& connection) {
      if ((connection.status & IPS_SRC_NAT) && holds(pods, connection.source)) visit(maker.make(connection));
    });
    if (!done) return done;
  }
  return {};
}

std::optional<Mapping> translated_mapping(const nf_conntrack& entry, const std::vector<AddressRange>& pods) {
  const auto family = nfct_get_attr_u8(&entry, ATTR_L3PROTO) == AF_INET ? Family::ipv4 : Family::ipv6;
  const auto connection = to_connection(&entry, family);
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
  for (const auto family : {Family::ipv4, Family::ipv6}) TRY_DO(visit_connections(family, look_at));
  TRY_DO(delete_connections(found));
  return ended;
}

Result<std::size_t> mend_connections(const Desired& desired) {
  std::vector<Connection> found;
  for (const auto family : {Family::ipv4, Family::ipv6}) {
    const auto& policy = desired.family(family);
    if (!policy.enabled || policy.sources.empty()) continue;
    TRY_DO(visit_connections(family, [&](const Connection& connection) {
      if (began_in_a_gap(connection, policy)) found.push_back(connection);
    }));
  }
  TRY_DO(delete_connections(found));
  return found.size();
}

std::vector<Finding> findings_on_connection_table(const ConnectionTable& table) {
  if (table.maximum == 0 || table.used < table.maximum / 5 * 4) return {};
  return {{FindingKind::connection_table,
           fmt::format("nf_conntrack_max: {} of {} connections are in use", table.used, table.maximum)}};
}

ConnectionTable connection_table() {
  return {.used = read_number("count"), .maximum = read_number("max")};
}

}  // namespace masq::netfilter
