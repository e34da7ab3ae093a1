// SPDX-License-Identifier: Apache-2.0
#include "datapath/bpf/tcp_frame.hpp"

#include <net/ethernet.h>
#include <netinet/in.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/address.hpp"

namespace masq::bpf {
namespace {

using Bytes = std::vector<std::uint8_t>;

constexpr std::uint8_t hops = 64;
constexpr std::size_t tcp_length = 20, tcp_checksum_at = 16, ipv4_length = 20, ipv4_checksum_at = 10;

void put16(Bytes& bytes, std::uint32_t value) {
  bytes.push_back(static_cast<std::uint8_t>(value >> 8));
  bytes.push_back(static_cast<std::uint8_t>(value));
}
void put32(Bytes& bytes, std::uint32_t value) {
  put16(bytes, value >> 16);
  put16(bytes, value);
}
void put(Bytes& bytes, std::span<const std::uint8_t> more) {
  bytes.insert(bytes.end(), more.begin(), more.end());
}

// RFC 1071, for an even number of bytes.
std::uint16_t checksum(const Bytes& bytes) {
  std::uint32_t sum = 0;
  for (std::size_t i = 0; i < bytes.size(); i += 2) sum += static_cast<std::uint32_t>(bytes[i] << 8 | bytes[i + 1]);
  while (sum >> 16 != 0) sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<std::uint16_t>(~sum);
}

void set_checksum(Bytes& bytes, std::size_t at, std::uint16_t sum) {
  bytes[at] = static_cast<std::uint8_t>(sum >> 8);
  bytes[at + 1] = static_cast<std::uint8_t>(sum);
}

Bytes tcp_segment(const TcpSegment& segment) {
  Bytes tcp;
  put16(tcp, segment.from_port);
  put16(tcp, segment.to_port);
  put32(tcp, segment.sequence);
  put32(tcp, segment.acknowledgement);
  tcp.push_back(tcp_length / 4 << 4);
  tcp.push_back(segment.flags);
  put32(tcp, 0);  // window, checksum
  put16(tcp, 0);  // urgent pointer
  Bytes covered;
  put(covered, segment.from.bytes());
  put(covered, segment.to.bytes());
  put32(covered, tcp_length);
  put32(covered, IPPROTO_TCP);
  put(covered, tcp);
  set_checksum(tcp, tcp_checksum_at, checksum(covered));
  return tcp;
}

Bytes ipv4_header(const TcpSegment& segment) {
  Bytes ip;
  put16(ip, 0x4500);
  put16(ip, ipv4_length + tcp_length);
  put32(ip, 0x4000);  // identification 0, don't fragment
  ip.push_back(hops);
  ip.push_back(IPPROTO_TCP);
  put16(ip, 0);
  put(ip, segment.from.bytes());
  put(ip, segment.to.bytes());
  set_checksum(ip, ipv4_checksum_at, checksum(ip));
  return ip;
}

Bytes ipv6_header(const TcpSegment& segment) {
  Bytes ip;
  put32(ip, 0x60000000);
  put16(ip, tcp_length);
  ip.push_back(IPPROTO_TCP);
  ip.push_back(hops);
  put(ip, segment.from.bytes());
  put(ip, segment.to.bytes());
  return ip;
}

}  // namespace

std::vector<std::uint8_t> tcp_frame(const TcpSegment& segment, const std::array<std::uint8_t, 6>& device) {
  const bool ipv4 = segment.from.family() == Family::ipv4;
  Bytes frame;
  put(frame, device);
  put(frame, device);
  put16(frame, ipv4 ? ETHERTYPE_IP : ETHERTYPE_IPV6);
  put(frame, ipv4 ? ipv4_header(segment) : ipv6_header(segment));
  put(frame, tcp_segment(segment));
  return frame;
}

}  // namespace masq::bpf
