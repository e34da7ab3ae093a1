// SPDX-License-Identifier: Apache-2.0
#include "packet.hpp"

#include <fmt/format.h>
#include <netinet/in.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string_view>
#include <utility>
#include <vector>

#include "base/address.hpp"

namespace masq::bpf::test {
namespace {

void put16(Bytes& out, std::uint32_t value) {
  out.push_back(static_cast<std::uint8_t>(value >> 8));
  out.push_back(static_cast<std::uint8_t>(value));
}

void set16(Bytes& out, std::size_t at, std::uint16_t value) {
  out[at] = static_cast<std::uint8_t>(value >> 8);
  out[at + 1] = static_cast<std::uint8_t>(value);
}

void append(Bytes& out, const Address& address) {
  const auto bytes = address.bytes();
  out.insert(out.end(), bytes.begin(), bytes.end());
}

void append(Bytes& out, const Bytes& bytes) {
  out.insert(out.end(), bytes.begin(), bytes.end());
}

// RFC 1071.
std::uint16_t internet_checksum(const Bytes& bytes) {
  std::uint32_t sum = 0;
  for (std::size_t i = 0; i < bytes.size(); i += 2)
    sum += static_cast<std::uint32_t>(bytes[i] << 8 | (i + 1 < bytes.size() ? bytes[i + 1] : 0));
  while (sum >> 16) sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<std::uint16_t>(~sum);
}

// RFC 9293 3.1, RFC 8200 8.1: the pseudo header's words have the same sum in either family's layout.
std::uint16_t transport_checksum(const Packet& p, const Bytes& transport) {
  Bytes covered;
  append(covered, p.from.address);
  append(covered, p.to.address);
  put16(covered, p.protocol);
  put16(covered, static_cast<std::uint32_t>(transport.size()));
  covered.insert(covered.end(), transport.begin(), transport.end());
  return internet_checksum(covered);
}

Bytes tcp_segment(const Packet& p) {
  Bytes out;
  put16(out, p.from.port);
  put16(out, p.to.port);
  for (const auto number : {p.sequence, p.acknowledgement}) {
    put16(out, number >> 16);
    put16(out, number);
  }
  out.push_back((p.timestamp == 0 ? 5 : 8) << 4);
  out.push_back(p.tcp_flags);
  put16(out, 1024);
  put16(out, 0);
  put16(out, 0);
  if (p.timestamp != 0) {
    out.insert(out.end(), {1, 1, 8, 10});
    for (const auto number : {p.timestamp, std::uint32_t{1}}) {
      put16(out, number >> 16);
      put16(out, number);
    }
  }
  out.insert(out.end(), p.payload.begin(), p.payload.end());
  set16(out, 16, transport_checksum(p, out));
  return out;
}

Bytes udp_datagram(const Packet& p) {
  Bytes out;
  put16(out, p.from.port);
  put16(out, p.to.port);
  put16(out, static_cast<std::uint32_t>(8 + p.payload.size()));
  put16(out, 0);
  out.insert(out.end(), p.payload.begin(), p.payload.end());
  if (!p.udp_checksum) return out;
  const auto checksum = transport_checksum(p, out);
  set16(out, 6, checksum ? checksum : 0xffff);  // RFC 768
  return out;
}

Bytes icmp_message(const Packet& p) {
  Bytes out{p.icmp_type, 0, 0, 0};
  put16(out, p.icmp_id);
  put16(out, 1);
  out.insert(out.end(), p.payload.begin(), p.payload.end());
  set16(out, 2, p.protocol == IPPROTO_ICMP ? internet_checksum(out) : transport_checksum(p, out));
  return out;
}

Bytes transport_of(const Packet& p) {
  if (!p.transport.empty()) return p.transport;
  switch (p.protocol) {
    case IPPROTO_TCP:
      return tcp_segment(p);
    case IPPROTO_UDP:
    case IPPROTO_UDPLITE:
      return udp_datagram(p);
    case IPPROTO_ICMP:
    case IPPROTO_ICMPV6:
      return icmp_message(p);
    default:
      return {};
  }
}

// What differs between a whole packet and a fragment of it.
struct Slice {
  std::uint16_t ipv4_bits = 0;
  std::uint16_t ipv4_id = 0x4242;
  std::vector<Extension> extensions = {};
};

Bytes ipv4_header(const Packet& p, std::size_t transport_size, const Slice& slice) {
  const int words = 5 + p.ip_option_words + static_cast<int>(p.ip_options.size() / 4);
  Bytes out{static_cast<std::uint8_t>(4 << 4 | words), 0};
  put16(out, static_cast<std::uint32_t>(static_cast<std::size_t>(words) * 4 + transport_size));
  put16(out, slice.ipv4_id);
  put16(out, slice.ipv4_bits);
  out.push_back(64);
  out.push_back(p.protocol);
  put16(out, 0);
  append(out, p.from.address);
  append(out, p.to.address);
  out.insert(out.end(), static_cast<std::size_t>(p.ip_option_words) * 4, 1);
  append(out, p.ip_options);
  set16(out, 10, internet_checksum(out));
  return out;
}

Bytes ipv6_header(const Packet& p, std::size_t transport_size, const Slice& slice) {
  Bytes chain;
  for (std::size_t i = 0; i < slice.extensions.size(); ++i) {
    Bytes octets = slice.extensions[i].octets;
    octets[0] = i + 1 < slice.extensions.size() ? slice.extensions[i + 1].type : p.protocol;
    append(chain, octets);
  }
  Bytes out{6 << 4, 0, 0, 0};
  put16(out, static_cast<std::uint32_t>(chain.size() + transport_size));
  out.push_back(slice.extensions.empty() ? p.protocol : slice.extensions[0].type);
  out.push_back(64);
  append(out, p.from.address);
  append(out, p.to.address);
  append(out, chain);
  return out;
}

Bytes frame_of(const Packet& p, const Bytes& body, const Slice& slice) {
  const bool is_ipv4 = p.from.address.family() == Family::ipv4;
  Bytes out{2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2};
  put16(out, is_ipv4 ? 0x0800 : 0x86dd);
  append(out, is_ipv4 ? ipv4_header(p, body.size(), slice) : ipv6_header(p, body.size(), slice));
  append(out, body);
  return out;
}

}  // namespace

Address address(std::string_view text) {
  auto parsed = Address::parse(text);
  if (!parsed) throw std::invalid_argument(parsed.error().message);
  return *parsed;
}

Bytes Packet::frame() const {
  return frame_of(*this, transport_of(*this), {.extensions = extensions});
}

Bytes Packet::ip() const {
  const auto whole = frame();
  return Bytes(whole.begin() + 14, whole.end());
}

Bytes Packet::fragment(std::size_t offset, std::size_t length, std::uint32_t identification) const {
  const auto whole = transport_of(*this);
  const auto end = std::min(offset + length, whole.size());
  const bool more = end < whole.size();
  Slice slice{.ipv4_bits = static_cast<std::uint16_t>(offset / 8 | (more ? 0x2000 : 0)),
              .ipv4_id = static_cast<std::uint16_t>(identification),
              .extensions = extensions};
  Bytes header{0, 0};  // RFC 8200 4.5
  put16(header, static_cast<std::uint32_t>(offset | more));
  put16(header, identification >> 16);
  put16(header, identification);
  slice.extensions.push_back({.type = IPPROTO_FRAGMENT, .octets = header});
  return frame_of(*this, Bytes(whole.begin() + static_cast<long>(offset), whole.begin() + static_cast<long>(end)),
                  slice);
}

Packet tcp(const Endpoint& from, const Endpoint& to, std::uint8_t flags) {
  return {.from = from, .to = to, .protocol = IPPROTO_TCP, .tcp_flags = flags};
}

Packet udp(const Endpoint& from, const Endpoint& to) {
  return {.from = from, .to = to, .protocol = IPPROTO_UDP};
}

namespace {
Packet echo(const Address& from, const Address& to, std::uint16_t id, bool request) {
  const bool is_ipv4 = from.family() == Family::ipv4;
  Packet p{.from = {from}, .to = {to}};
  p.protocol = is_ipv4 ? std::uint8_t{IPPROTO_ICMP} : std::uint8_t{IPPROTO_ICMPV6};
  p.icmp_type = static_cast<std::uint8_t>(is_ipv4 ? (request ? 8 : 0) : (request ? 128 : 129));
  p.icmp_id = id;
  return p;
}
}  // namespace

Packet echo_request(const Address& from, const Address& to, std::uint16_t id) {
  return echo(from, to, id, true);
}
Packet echo_reply(const Address& from, const Address& to, std::uint16_t id) {
  return echo(from, to, id, false);
}

Packet icmp_error(const Address& from, const Address& to, std::uint8_t type, const Bytes& quote) {
  auto p = echo(from, to, 0, true);
  p.icmp_type = type;
  p.payload = std::string(quote.begin(), quote.end());
  return p;
}

Packet other(const Address& from, const Address& to, std::uint8_t protocol, Bytes transport) {
  return {.from = {from}, .to = {to}, .protocol = protocol, .transport = std::move(transport)};
}

Bytes pattern(std::size_t size) {
  Bytes bytes(size);
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::uint8_t>(i * 7 + 1);
  return bytes;
}

Bytes cut(const Bytes& bytes, std::size_t size) {
  return Bytes(bytes.begin(), bytes.begin() + static_cast<long>(std::min(size, bytes.size())));
}

std::string hex(const Bytes& bytes) {
  std::string out;
  for (std::size_t i = 0; i < bytes.size(); ++i) out += fmt::format("{}{:02x}", i % 16 == 0 ? "\n  " : " ", bytes[i]);
  return out;
}

}  // namespace masq::bpf::test
