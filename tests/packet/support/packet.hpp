// SPDX-License-Identifier: Apache-2.0
// Packets as a test says them; checksums are computed here, independently of the engine.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/address.hpp"

namespace masq::test {

using Bytes = std::vector<std::uint8_t>;

constexpr std::uint8_t fin = 0x01, syn = 0x02, rst = 0x04, ack = 0x10;

struct Endpoint {
  Address address;
  std::uint16_t port = 0;
};

Address address(std::string_view text);

// An Ethernet frame around an IPv4 or IPv6 packet, as the endpoints' family says.
struct Packet {
  Endpoint from;
  Endpoint to;
  std::uint8_t protocol = 6;
  std::uint8_t tcp_flags = ack;
  std::uint8_t icmp_type = 0;
  std::uint16_t icmp_id = 0;
  std::string payload = "payload";
  bool udp_checksum = true;
  int ip_option_words = 0;          // IPv4: no-operation options
  std::uint16_t fragment_bits = 0;  // IPv4: flags and offset, host byte order
  Bytes transport = {};                  // of other protocols: what follows the IP header

  Bytes frame() const;
};

Packet tcp(const Endpoint& from, const Endpoint& to, std::uint8_t flags = ack);
Packet udp(const Endpoint& from, const Endpoint& to);
Packet echo_request(const Address& from, const Address& to, std::uint16_t id);
Packet echo_reply(const Address& from, const Address& to, std::uint16_t id);

// Hexadecimal, sixteen bytes a line: what a failed comparison shows.
std::string hex(const Bytes& bytes);

}  // namespace masq::test
