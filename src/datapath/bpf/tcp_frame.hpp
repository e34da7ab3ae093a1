// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "base/address.hpp"

namespace masq::bpf {

// A TCP segment without data (RFC 9293 3.1); ports and numbers in host byte order.
struct TcpSegment {
  enum Flags : std::uint8_t { rst = 0x04, ack = 0x10 };

  Address from;
  std::uint16_t from_port = 0;
  Address to;
  std::uint16_t to_port = 0;
  std::uint32_t sequence = 0;
  std::uint32_t acknowledgement = 0;
  Flags flags = ack;
};

// Returns an Ethernet frame with the segment, addressed to the device with this hardware address, with valid checksums.
std::vector<std::uint8_t> tcp_frame(const TcpSegment& segment, const std::array<std::uint8_t, 6>& device);

}  // namespace masq::bpf
