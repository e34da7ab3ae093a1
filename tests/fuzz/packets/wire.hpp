// SPDX-License-Identifier: Apache-2.0
// Reads and changes frames independently of the engine: RFC 791, 8200, 792, 4443, 768, 9293.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "base/address.hpp"
#include "packet.hpp"

namespace masq::bpf::fuzz {

using test::Bytes;

constexpr std::size_t ethernet_header = 14;

enum class Part : std::uint8_t { whole, first_fragment, later_fragment };

// The contents of a frame. Ports are in host byte order; the identifier of an ICMP query is its `source_port`.
struct Contents {
  bool has_addresses = false;  // otherwise nothing else is valid
  bool malformed = false;      // truncated, or contradictory: only the addresses and the family are valid
  Family family = Family::ipv4;
  Address source{}, destination{};
  std::uint8_t protocol = 0;
  Part part = Part::whole;
  std::uint32_t identification = 0;  // of a fragment
  std::size_t ip = 0;                // offsets
  std::size_t identification_at = 0;
  std::size_t transport = 0;
  std::size_t end = 0;  // according to the IP header
  std::uint16_t source_port = 0, destination_port = 0;
  std::uint8_t icmp_type = 0;
  std::uint8_t hops = 0;

  bool is_icmp() const { return protocol == (family == Family::ipv4 ? 1 : 58); }
  bool is_query() const;  // an ICMP request or reply with an identifier
  bool is_error() const;  // an ICMP message that quotes a packet
  bool has_ports() const;
};

// Reads the frame. `ip`: the offset of the IP header, for the packet that an ICMP error quotes.
Contents read(const Bytes& frame);
Contents read_quote(const Bytes& frame, const Contents& error);

// The type of the reply to a query, or of the request that a reply answers; other types stay.
std::uint8_t partner_type(Family family, std::uint8_t type);

// The offset of the checksum that covers the transport header; nullopt: the protocol has none.
std::optional<std::size_t> checksum_at(const Contents& contents);

// Returns false if the checksum of the IPv4 header, or of a whole TCP, UDP or ICMP packet, is wrong.
bool checksums_are_right(const Bytes& frame, const Contents& contents);
// Computes the checksums of a whole packet anew.
void fix_checksums(Bytes& frame);

// The frame with both addresses and both ports exchanged: what the other side sends. Requests become replies.
// Everything else stays.
Bytes mirror(const Bytes& frame);

// The two forms of a checksum of zero become one, also in the packet that an ICMP error quotes.
Bytes with_one_zero(Bytes frame);

}  // namespace masq::bpf::fuzz
