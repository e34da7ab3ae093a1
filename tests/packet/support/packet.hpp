// SPDX-License-Identifier: Apache-2.0
// Packets as a test says them; checksums are computed here, independently of the engine.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/address.hpp"

namespace masq::bpf::test {

using Bytes = std::vector<std::uint8_t>;

constexpr std::uint8_t fin = 0x01, syn = 0x02, rst = 0x04, ack = 0x10;

struct Endpoint {
  Address address;
  std::uint16_t port = 0;
};

Address address(std::string_view text);

// An IPv6 extension header: its octets, of which the first (what follows) is filled in.
struct Extension {
  std::uint8_t type = 0;
  Bytes octets;
};

// An Ethernet frame around an IPv4 or IPv6 packet, as the endpoints' family says.
struct Packet {
  Endpoint from;
  Endpoint to;
  std::uint8_t protocol = 6;
  std::uint8_t tcp_flags = ack;
  std::uint32_t sequence = 0x12341234;
  std::uint32_t acknowledgement = 0x12341234;
  std::uint32_t timestamp = 0;  // TCP option of RFC 7323; 0: none
  std::uint8_t icmp_type = 0;
  std::uint16_t icmp_id = 0;
  std::string payload = "payload";
  bool udp_checksum = true;
  int ip_option_words = 0;  // IPv4: no-operation options
  Bytes ip_options = {};    // IPv4: other options, behind those; a multiple of four bytes
  Bytes transport = {};     // what follows the IP header, when it is to be just this
  std::vector<Extension> extensions = {};

  Bytes frame() const;
  // The frame without its Ethernet header.
  Bytes ip() const;
  // One fragment: `length` octets from `offset` (a multiple of 8) of what follows the IP header.
  Bytes fragment(std::size_t offset, std::size_t length, std::uint32_t identification) const;
};

Packet tcp(const Endpoint& from, const Endpoint& to, std::uint8_t flags = ack);
Packet udp(const Endpoint& from, const Endpoint& to);
Packet echo_request(const Address& from, const Address& to, std::uint16_t id);
Packet echo_reply(const Address& from, const Address& to, std::uint16_t id);
// An ICMP error that quotes the octets of an IP packet.
Packet icmp_error(const Address& from, const Address& to, std::uint8_t type, const Bytes& quote);
// A packet of any other protocol.
Packet other(const Address& from, const Address& to, std::uint8_t protocol, Bytes transport);

// The bytes of a pattern, for what nobody looks into.
Bytes pattern(std::size_t size);
// The first `size` bytes.
Bytes cut(const Bytes& bytes, std::size_t size);

// Hexadecimal, sixteen bytes a line: what a failed comparison shows.
std::string hex(const Bytes& bytes);

}  // namespace masq::bpf::test
