// SPDX-License-Identifier: Apache-2.0
#include "datapath/netfilter/conntrack_message.hpp"

#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_conntrack_tcp.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <linux/netlink.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <sys/socket.h>

#include <array>
#include <bit>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <tuple>
#include <vector>

#include "base/address.hpp"
#include "os/netlink.hpp"
#include "os/netlink_writer.hpp"

namespace masq::netfilter {
namespace {

static_assert(conntrack_get == ((NFNL_SUBSYS_CTNETLINK << 8) | IPCTNL_MSG_CT_GET));
static_assert(conntrack_new == ((NFNL_SUBSYS_CTNETLINK << 8) | IPCTNL_MSG_CT_NEW));
static_assert(conntrack_delete == ((NFNL_SUBSYS_CTNETLINK << 8) | IPCTNL_MSG_CT_DELETE));

using Bytes = std::span<const std::uint8_t>;

// Returns the number, in network byte order, at the begin of a payload; 0 if the payload is shorter.
template <class Number>
Number number_in(Bytes payload) {
  Number value = 0;
  if (payload.size() < sizeof value) return 0;
  for (std::size_t i = 0; i < sizeof value; ++i) value = static_cast<Number>(value << 8 | payload[i]);
  return value;
}

struct Tuple {
  std::uint8_t protocol = 0;
  std::optional<Address> source;
  std::optional<Address> destination;
  std::uint16_t source_port = 0;
  std::uint16_t destination_port = 0;
};

void read_addresses(Bytes payload, Tuple& tuple) {
  os::visit_attributes(payload, [&](int type, Bytes bytes) {
    if (bytes.size() != 4 && bytes.size() != 16) return;
    if (type == CTA_IP_V4_SRC || type == CTA_IP_V6_SRC) tuple.source = Address::from_bytes(bytes);
    if (type == CTA_IP_V4_DST || type == CTA_IP_V6_DST) tuple.destination = Address::from_bytes(bytes);
  });
}

void read_protocol(Bytes payload, Tuple& tuple) {
  os::visit_attributes(payload, [&](int type, Bytes bytes) {
    if (type == CTA_PROTO_NUM) tuple.protocol = number_in<std::uint8_t>(bytes);
    if (type == CTA_PROTO_SRC_PORT) tuple.source_port = number_in<std::uint16_t>(bytes);
    if (type == CTA_PROTO_DST_PORT) tuple.destination_port = number_in<std::uint16_t>(bytes);
    if (type == CTA_PROTO_ICMP_ID || type == CTA_PROTO_ICMPV6_ID)
      tuple.source_port = tuple.destination_port = number_in<std::uint16_t>(bytes);
  });
}

Tuple read_tuple(Bytes payload) {
  Tuple tuple;
  os::visit_attributes(payload, [&](int type, Bytes bytes) {
    if (type == CTA_TUPLE_IP) read_addresses(bytes, tuple);
    if (type == CTA_TUPLE_PROTO) read_protocol(bytes, tuple);
  });
  return tuple;
}

std::uint8_t read_tcp_state(Bytes payload) {
  std::uint8_t state = 0;
  os::visit_attributes(payload, [&](int protocol, Bytes attributes) {
    if (protocol != CTA_PROTOINFO_TCP) return;
    os::visit_attributes(attributes, [&](int type, Bytes bytes) {
      if (type == CTA_PROTOINFO_TCP_STATE) state = number_in<std::uint8_t>(bytes);
    });
  });
  return state;
}

std::uint64_t read_age(Bytes payload) {
  std::uint64_t start = 0;
  os::visit_attributes(payload, [&](int type, Bytes bytes) {
    if (type == CTA_TIMESTAMP_START) start = number_in<std::uint64_t>(bytes);
  });
  if (start == 0) return 0;
  const std::chrono::nanoseconds since_epoch = std::chrono::system_clock::now().time_since_epoch();
  const auto now = static_cast<std::uint64_t>(since_epoch.count());  // the kernel's time stamp uses the wall clock too
  return start > now ? 0 : (now - start) / 1'000'000'000u;
}

bool has_addresses(const Tuple& tuple) {
  return tuple.source && tuple.destination && tuple.source->family() == tuple.destination->family();
}

std::uint8_t echo_type(Family family, bool is_reply) {
  if (family == Family::ipv4) return is_reply ? ICMP_ECHOREPLY : ICMP_ECHO;
  return is_reply ? ICMP6_ECHO_REPLY : ICMP6_ECHO_REQUEST;
}

// The tuple of the original direction, or of a reply without a translation.
void put_tuple(os::NetlinkWriter& out, const Connection& connection, bool is_reply) {
  const auto family = connection.source.family();
  const bool v4 = family == Family::ipv4;
  const auto& [from, to] = is_reply ? std::tie(connection.destination, connection.source)
                                    : std::tie(connection.source, connection.destination);
  out.nested(CTA_TUPLE_IP, [&] {
    out.bytes(v4 ? CTA_IP_V4_SRC : CTA_IP_V6_SRC, from.bytes());
    out.bytes(v4 ? CTA_IP_V4_DST : CTA_IP_V6_DST, to.bytes());
  });
  out.nested(CTA_TUPLE_PROTO, [&] {
    out.u8(CTA_PROTO_NUM, connection.protocol);
    if (is_icmp(connection.protocol)) {
      out.u8(v4 ? CTA_PROTO_ICMP_TYPE : CTA_PROTO_ICMPV6_TYPE, echo_type(family, is_reply));
      out.u8(v4 ? CTA_PROTO_ICMP_CODE : CTA_PROTO_ICMPV6_CODE, 0);
      out.be16(v4 ? CTA_PROTO_ICMP_ID : CTA_PROTO_ICMPV6_ID, connection.source_port);
    } else {
      out.be16(CTA_PROTO_SRC_PORT, is_reply ? connection.destination_port : connection.source_port);
      out.be16(CTA_PROTO_DST_PORT, is_reply ? connection.source_port : connection.destination_port);
    }
  });
}

using Header = std::array<std::uint8_t, sizeof(nfgenmsg)>;

Header header_with(std::uint8_t address_family) {
  return std::bit_cast<Header>(nfgenmsg{.nfgen_family = address_family, .version = NFNETLINK_V0, .res_id = 0});
}

Header header_of(Family family) {
  return header_with(family == Family::ipv4 ? AF_INET : AF_INET6);
}

// The kernel derives the reply tuple from it.
void put_source_translation(os::NetlinkWriter& out, const Connection& connection) {
  const bool v4 = connection.source.family() == Family::ipv4;
  out.nested(CTA_NAT_SRC, [&] {
    out.bytes(v4 ? CTA_NAT_V4_MINIP : CTA_NAT_V6_MINIP, connection.reply_destination.bytes());
    out.nested(CTA_NAT_PROTO, [&] { out.be16(CTA_PROTONAT_PORT_MIN, connection.reply_destination_port); });
  });
}

void put_tcp_state(os::NetlinkWriter& out) {
  // conntrack does not know the windows
  const std::array<std::uint8_t, 2> liberal = {IP_CT_TCP_FLAG_BE_LIBERAL, IP_CT_TCP_FLAG_BE_LIBERAL};
  static_assert(sizeof(nf_ct_tcp_flags) == liberal.size());
  out.nested(CTA_PROTOINFO, [&] {
    out.nested(CTA_PROTOINFO_TCP, [&] {
      out.u8(CTA_PROTOINFO_TCP_STATE, TCP_CONNTRACK_ESTABLISHED);
      out.bytes(CTA_PROTOINFO_TCP_FLAGS_ORIGINAL, liberal);
      out.bytes(CTA_PROTOINFO_TCP_FLAGS_REPLY, liberal);
    });
  });
}

}  // namespace

bool is_icmp(std::uint8_t protocol) {
  return protocol == IPPROTO_ICMP || protocol == IPPROTO_ICMPV6;
}

std::optional<Connection> parse_connection(const nlmsghdr& message) {
  if (message.nlmsg_type != conntrack_new && message.nlmsg_type != conntrack_delete) return std::nullopt;
  Connection connection;
  Tuple original, reply;
  os::visit_attributes(os::attributes_of_message(message, sizeof(nfgenmsg)), [&](int type, Bytes bytes) {
    if (type == CTA_TUPLE_ORIG) original = read_tuple(bytes);
    if (type == CTA_TUPLE_REPLY) reply = read_tuple(bytes);
    if (type == CTA_ID) connection.id = number_in<std::uint32_t>(bytes);
    if (type == CTA_STATUS) connection.status = number_in<std::uint32_t>(bytes);
    if (type == CTA_TIMEOUT) connection.seconds_left = number_in<std::uint32_t>(bytes);
    if (type == CTA_PROTOINFO) connection.tcp_state = read_tcp_state(bytes);
    if (type == CTA_TIMESTAMP) connection.age_seconds = read_age(bytes);
  });
  if (!has_addresses(original) || !has_addresses(reply)) return std::nullopt;
  connection.protocol = original.protocol;
  connection.source = *original.source;
  connection.destination = *original.destination;
  connection.source_port = original.source_port;
  connection.destination_port = original.destination_port;
  connection.reply_source = *reply.source;
  connection.reply_destination = *reply.destination;
  connection.reply_source_port = reply.source_port;
  connection.reply_destination_port = reply.destination_port;
  return connection;
}

std::vector<std::uint8_t> dump_request() {
  const auto header = header_with(AF_UNSPEC);
  return {header.begin(), header.end()};
}

std::vector<std::uint8_t> delete_request(const Connection& connection) {
  os::NetlinkWriter out;
  out.raw(header_of(connection.source.family()));
  out.nested(CTA_TUPLE_ORIG, [&] { put_tuple(out, connection, false); });
  if (connection.id != 0) out.be32(CTA_ID, connection.id);
  return out.written();
}

std::vector<std::uint8_t> create_request(const Connection& connection) {
  os::NetlinkWriter out;
  out.raw(header_of(connection.source.family()));
  out.nested(CTA_TUPLE_ORIG, [&] { put_tuple(out, connection, false); });
  out.nested(CTA_TUPLE_REPLY, [&] { put_tuple(out, connection, true); });
  put_source_translation(out, connection);
  out.be32(CTA_TIMEOUT, connection.seconds_left);
  out.be32(CTA_STATUS, IPS_CONFIRMED | IPS_SEEN_REPLY | IPS_ASSURED);
  if (connection.protocol == IPPROTO_TCP) put_tcp_state(out);
  return out.written();
}

}  // namespace masq::netfilter
