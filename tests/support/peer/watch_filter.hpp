// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <linux/filter.h>

#include <array>
#include <cstdint>
#include <vector>

namespace masq::watch {

struct Network {
  int family;                         // AF_INET, AF_INET6
  std::array<std::uint8_t, 16> base;  // network byte order; host bits are clear
  unsigned length;                    // of the prefix
};

inline constexpr std::uint16_t tag_kinds[] = {0x8100, 0x88A8};  // VLAN (IEEE 802.1Q), service VLAN
inline constexpr std::uint8_t extension_headers[] = {0, 43, 44, 60};
inline constexpr std::uint8_t icmp_errors[] = {3, 4, 5, 11, 12};  // RFC 792: those that quote a packet
inline constexpr std::uint8_t icmp6_errors[] = {1, 2, 3, 4};      // RFC 4443

/// A classic BPF program (Documentation/networking/filter.rst) that accepts every frame that may show an address of the
/// networks, and few others: with a tag, with such a source, an ICMP error, or IPv6 with extension headers.
std::vector<sock_filter> filter_for(const std::vector<Network>& networks);

}  // namespace masq::watch
