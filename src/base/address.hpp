// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace masq {

enum class Family : std::uint8_t { ipv4 = 4, ipv6 = 6 };

constexpr int address_bytes(Family family) {
  return family == Family::ipv4 ? 4 : 16;
}
constexpr int address_bits(Family family) {
  return address_bytes(family) * 8;
}

// An IPv4 or IPv6 address. Ordered by family (IPv4 first), then by value.
class Address {
 public:
  Address() = default;  // 0.0.0.0

  // Accepts the formats of inet_pton(3); an IPv6 zone ("%eth0") is rejected.
  static Result<Address> parse(std::string_view text);
  // `bytes` has 4 or 16 bytes in network byte order.
  static Address from_bytes(std::span<const std::uint8_t> bytes);

  Family family() const { return family_; }
  // Network byte order, 4 or 16 bytes.
  std::span<const std::uint8_t> bytes() const {
    return std::span(bytes_).first(static_cast<std::size_t>(address_bytes(family_)));
  }
  std::string to_string() const;

  bool is_unspecified() const;
  bool is_loopback() const;    // 127.0.0.0/8, ::1
  bool is_link_local() const;  // 169.254.0.0/16, fe80::/10
  bool is_multicast() const;   // 224.0.0.0/4, ff00::/8

  bool operator==(const Address&) const = default;
  std::strong_ordering operator<=>(const Address& other) const;

 private:
  Family family_ = Family::ipv4;
  std::array<std::uint8_t, 16> bytes_{};
};

// Returns the number of leading bits that two addresses of one family share.
int common_bits(const Address& a, const Address& b);

}  // namespace masq
