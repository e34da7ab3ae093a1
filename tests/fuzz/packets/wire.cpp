// SPDX-License-Identifier: Apache-2.0
#include "wire.hpp"

#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <utility>

#include "base/address.hpp"
#include "packet.hpp"

namespace masq::bpf::fuzz {
namespace {

std::uint16_t word(const Bytes& frame, std::size_t at) {
  return static_cast<std::uint16_t>(frame[at] << 8 | frame[at + 1]);
}

void set_word(Bytes& frame, std::size_t at, std::uint32_t value) {
  frame[at] = static_cast<std::uint8_t>(value >> 8);
  frame[at + 1] = static_cast<std::uint8_t>(value);
}

// Requests with an identifier, and their replies.
constexpr std::array<std::pair<int, int>, 5> queries4{{{8, 0}, {13, 14}, {15, 16}, {17, 18}, {42, 43}}};
constexpr std::array<std::pair<int, int>, 2> queries6{{{128, 129}, {160, 161}}};

std::span<const std::pair<int, int>> queries(Family family) {
  if (family == Family::ipv4) return queries4;
  return queries6;
}

std::size_t minimum_header(const Contents& c) {
  switch (c.protocol) {
    case IPPROTO_TCP:
      return 20;
    case IPPROTO_SCTP:
      return 16;
    case IPPROTO_DCCP:
    case IPPROTO_AH:
      return 12;
    case IPPROTO_UDP:
    case IPPROTO_UDPLITE:
    case IPPROTO_ESP:
      return 8;
    case IPPROTO_GRE:
      return 4;
    default:
      return c.is_icmp() ? 8 : 0;
  }
}

bool is_extension(std::uint8_t protocol) {
  return protocol == IPPROTO_HOPOPTS || protocol == IPPROTO_ROUTING || protocol == IPPROTO_FRAGMENT ||
         protocol == IPPROTO_DSTOPTS;
}

void read_ipv4(const Bytes& frame, Contents& c) {
  const std::size_t header = std::size_t{frame[c.ip] & 0x0fu} * 4;
  const auto bits = word(frame, c.ip + 6);
  const std::size_t offset = std::size_t{bits & 0x1fffu} * 8;
  c.protocol = frame[c.ip + 9];
  c.transport = c.ip + header;
  c.end = c.ip + word(frame, c.ip + 2);
  c.identification_at = c.ip + 4;
  c.identification = word(frame, c.ip + 4);
  if (offset != 0)
    c.part = Part::later_fragment;
  else if ((bits & 0x2000) != 0)
    c.part = Part::first_fragment;
  c.malformed = frame[c.ip] >> 4 != 4 || header < 20 || c.end < c.transport ||
                (offset != 0 && offset + (c.end - c.transport) > 65535);
}

void read_fragment_header(const Bytes& frame, std::size_t at, Contents& c) {
  const auto bits = word(frame, at + 2);
  c.identification_at = at + 6;
  c.identification = std::uint32_t{word(frame, at + 4)} << 16 | word(frame, at + 6);
  if ((bits & 0xfff8) != 0)
    c.part = Part::later_fragment;
  else if ((bits & 1) != 0)
    c.part = Part::first_fragment;
}

void read_ipv6(const Bytes& frame, Contents& c) {
  constexpr int most_extensions = 8;  // docs/behaviour.md
  std::size_t at = c.ip + 40;
  c.end = at + word(frame, c.ip + 4);
  c.protocol = frame[c.ip + 6];
  c.malformed = frame[c.ip] >> 4 != 6;
  std::uint32_t offset = 0;
  for (int i = 0; is_extension(c.protocol) && c.part != Part::later_fragment && !c.malformed; ++i) {
    c.malformed = i == most_extensions || at + 8 > frame.size();
    if (c.malformed) break;
    const bool is_fragment = c.protocol == IPPROTO_FRAGMENT;
    if (is_fragment) read_fragment_header(frame, at, c), offset = word(frame, at + 2) & 0xfff8u;
    c.protocol = frame[at];
    at += is_fragment ? 8 : (std::size_t{frame[at + 1]} + 1) * 8;
  }
  c.transport = at;
  c.malformed = c.malformed || c.end < at || (offset != 0 && offset + (c.end - at) > 65535);
}

bool has_valid_header(const Bytes& frame, const Contents& c) {
  const std::size_t length = c.end - c.transport;
  if (length < minimum_header(c)) return false;
  if (c.protocol == IPPROTO_TCP) {
    const std::size_t header = std::size_t{frame[c.transport + 12]} >> 4;
    if (header < 5 || header * 4 > length) return false;
  }
  if (c.protocol == IPPROTO_UDP) {
    const auto said = word(frame, c.transport + 4);
    if (said < 8 || (c.part == Part::whole && said > length)) return false;
  }
  return !c.has_ports() || (c.source_port != 0 && c.destination_port != 0);
}

void read_transport(const Bytes& frame, Contents& c, std::size_t available) {
  if (c.is_icmp() && available >= 1) c.icmp_type = frame[c.transport];
  if (c.has_ports() && available >= 4) {
    c.source_port = word(frame, c.transport);
    c.destination_port = word(frame, c.transport + 2);
  } else if (c.is_query() && available >= 6) {
    c.source_port = word(frame, c.transport + 4);
  }
}

// `quoted`: cut off, and its hop limit may be 0.
Contents read_at(const Bytes& frame, std::size_t ip, Family family, bool quoted) {
  Contents c{.family = family, .ip = ip};
  const std::size_t header = family == Family::ipv4 ? 20 : 40, size = static_cast<std::size_t>(address_bytes(family));
  if (ip + header > frame.size()) return c;
  const std::size_t addresses = ip + (family == Family::ipv4 ? 12 : 8);
  c.has_addresses = true;
  c.source = Address::from_bytes(std::span(frame).subspan(addresses, size));
  c.destination = Address::from_bytes(std::span(frame).subspan(addresses + size, size));
  family == Family::ipv4 ? read_ipv4(frame, c) : read_ipv6(frame, c);
  c.hops = frame[ip + (family == Family::ipv4 ? 8 : 7)];
  if (!quoted && (c.end > frame.size() || c.hops == 0)) c.malformed = true;
  if (c.malformed || c.part == Part::later_fragment) return c;
  const auto end = quoted ? frame.size() : std::min(c.end, frame.size());  // the original packet had another length
  if (end < c.transport) {
    c.malformed = true;
    return c;
  }
  read_transport(frame, c, end - c.transport);
  if (!quoted && !has_valid_header(frame, c)) c.malformed = true;
  return c;
}

std::uint32_t sum_of(std::span<const std::uint8_t> bytes, std::uint32_t sum = 0) {
  for (std::size_t i = 0; i < bytes.size(); i += 2)
    sum += static_cast<std::uint32_t>(bytes[i] << 8 | (i + 1 < bytes.size() ? bytes[i + 1] : 0));
  return sum;
}

std::uint16_t folded(std::uint32_t sum) {
  while (sum >> 16) sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<std::uint16_t>(sum);
}

// The sum over pseudo header and transport: 0xffff if the checksum is right.
std::uint16_t transport_sum(const Bytes& frame, const Contents& c) {
  const auto transport = std::span(frame).subspan(c.transport, c.end - c.transport);
  std::uint32_t sum = sum_of(transport);
  if (!(c.is_icmp() && c.family == Family::ipv4)) {
    sum = sum_of(c.source.bytes(), sum);
    sum = sum_of(c.destination.bytes(), sum);
    sum += c.protocol + static_cast<std::uint32_t>(transport.size());
  }
  return folded(sum);
}

// Protocols whose whole transport the checksum covers.
bool is_fully_summed(const Bytes& frame, const Contents& c) {
  if (c.part != Part::whole || c.malformed) return false;
  if (c.protocol == IPPROTO_UDP)
    return word(frame, c.transport + 6) != 0 && word(frame, c.transport + 4) == c.end - c.transport;
  return c.protocol == IPPROTO_TCP || (c.is_icmp() && c.end - c.transport >= 8);
}

}  // namespace

bool Contents::is_query() const {
  return is_icmp() && partner_type(family, icmp_type) != icmp_type;
}

bool Contents::is_error() const {
  if (!is_icmp()) return false;
  if (family == Family::ipv6) return icmp_type >= 1 && icmp_type <= 4;
  return icmp_type == 3 || icmp_type == 4 || icmp_type == 5 || icmp_type == 11 || icmp_type == 12;
}

bool Contents::has_ports() const {
  return protocol == IPPROTO_TCP || protocol == IPPROTO_UDP || protocol == IPPROTO_UDPLITE ||
         protocol == IPPROTO_DCCP || protocol == IPPROTO_SCTP;
}

std::uint8_t partner_type(Family family, std::uint8_t type) {
  for (const auto& [request, reply] : queries(family)) {
    if (type == request) return static_cast<std::uint8_t>(reply);
    if (type == reply) return static_cast<std::uint8_t>(request);
  }
  return type;
}

Contents read(const Bytes& frame) {
  if (frame.size() < ethernet_header) return {};
  const auto type = word(frame, 12);
  if (type != 0x0800 && type != 0x86dd) return {};
  return read_at(frame, ethernet_header, type == 0x0800 ? Family::ipv4 : Family::ipv6, false);
}

Contents read_quote(const Bytes& frame, const Contents& error) {
  return read_at(frame, error.transport + 8, error.family, true);
}

std::optional<std::size_t> checksum_at(const Contents& c) {
  switch (c.protocol) {
    case IPPROTO_TCP:
      return c.transport + 16;
    case IPPROTO_UDP:
    case IPPROTO_UDPLITE:
    case IPPROTO_DCCP:
      return c.transport + 6;
    default:
      return c.is_icmp() ? std::optional(c.transport + 2) : std::nullopt;
  }
}

bool checksums_are_right(const Bytes& frame, const Contents& c) {
  if (c.family == Family::ipv4 && !c.malformed &&
      folded(sum_of(std::span(frame).subspan(c.ip, c.transport - c.ip))) != 0xffff)
    return false;
  return !is_fully_summed(frame, c) || transport_sum(frame, c) == 0xffff;
}

void fix_checksums(Bytes& frame) {
  const auto c = read(frame);
  if (!c.has_addresses || c.malformed) return;
  if (c.family == Family::ipv4) {
    set_word(frame, c.ip + 10, 0);
    set_word(frame, c.ip + 10, 0xffffu & ~folded(sum_of(std::span(frame).subspan(c.ip, c.transport - c.ip))));
  }
  if (!is_fully_summed(frame, c)) return;
  const auto at = *checksum_at(c);
  set_word(frame, at, 0);
  const auto checksum = 0xffffu & ~transport_sum(frame, c);
  set_word(frame, at, checksum == 0 && c.protocol == IPPROTO_UDP ? 0xffff : checksum);
}

Bytes mirror(const Bytes& frame) {
  Bytes out = frame;
  const auto c = read(frame);
  const auto size = address_bytes(c.family);
  const auto addresses = out.begin() + static_cast<long>(c.ip) + (c.family == Family::ipv4 ? 12 : 8);
  std::swap_ranges(addresses, addresses + size, addresses + size);
  if (c.has_ports()) {
    const auto ports = out.begin() + static_cast<long>(c.transport);
    std::swap_ranges(ports, ports + 2, ports + 2);
  }
  if (c.is_query()) {
    const bool was_right = checksums_are_right(frame, c);
    out[c.transport] = partner_type(c.family, c.icmp_type);
    if (was_right) fix_checksums(out);
  }
  return out;
}

Bytes with_one_zero(Bytes frame) {
  const auto normalise = [&frame](const Contents& c) {
    if (!c.has_addresses || c.malformed || c.part == Part::later_fragment) return;
    const auto at = checksum_at(c);
    if (at && *at + 2 <= frame.size() && word(frame, *at) == 0xffff) set_word(frame, *at, 0);
  };
  const auto c = read(frame);
  normalise(c);
  if (c.has_addresses && !c.malformed && c.is_error() && c.part == Part::whole) {
    const auto quote = read_quote(frame, c);
    normalise(quote);
    if (quote.has_addresses) set_word(frame, c.transport + 2, 0);  // it follows from the quote; checked on its own
  }
  return frame;
}

}  // namespace masq::bpf::fuzz
