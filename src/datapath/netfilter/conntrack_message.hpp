// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/address.hpp"

struct nlmsghdr;

namespace masq::netfilter {

// A connection as conntrack has it: the tuples of the original and of the reply direction. Ports are in host byte
// order; for ICMP the identifier replaces both.
struct Connection {
  std::uint8_t protocol = 0;
  Address source{};
  Address destination{};
  std::uint16_t source_port = 0;
  std::uint16_t destination_port = 0;
  Address reply_source{};
  Address reply_destination{};
  std::uint16_t reply_source_port = 0;
  std::uint16_t reply_destination_port = 0;
  std::uint32_t id = 0;
  std::uint32_t status = 0;  // IPS_*
  std::uint8_t tcp_state = 0;
  std::uint32_t seconds_left = 0;
  std::uint64_t age_seconds = 0;  // 0: not recorded by the kernel (nf_conntrack_timestamp)
};

bool is_icmp(std::uint8_t protocol);

// The messages of the kernel's subsystem CTNETLINK (linux/netfilter/nfnetlink_conntrack.h).
inline constexpr std::uint16_t conntrack_get = 0x101;     // also the request of a dump
inline constexpr std::uint16_t conntrack_new = 0x100;     // also: an entry in a dump, and the event of a new one
inline constexpr std::uint16_t conntrack_delete = 0x102;  // also the event of an ended one

// Returns the entry of a message, or nullopt if the message is of another type or has no tuple of IPv4 or IPv6.
std::optional<Connection> parse_connection(const nlmsghdr& message);

// The requests after the header of netlink.

// All entries of both families.
std::vector<std::uint8_t> dump_request();
// Deletes the entry with this original tuple, and with this id if it is not 0.
std::vector<std::uint8_t> delete_request(const Connection& connection);
// Creates an entry with the original tuple of `connection`, whose packets leave from reply_destination and its port.
// It is established, and expires after seconds_left without a packet.
std::vector<std::uint8_t> create_request(const Connection& connection);

}  // namespace masq::netfilter
