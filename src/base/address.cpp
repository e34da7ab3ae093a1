// SPDX-License-Identifier: Apache-2.0
#include "base/address.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <bit>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace masq {
namespace {

int socket_family(Family family) {
  return family == Family::ipv4 ? AF_INET : AF_INET6;
}

}  // namespace

Result<Address> Address::parse(std::string_view text) {
  Address address;
  address.family_ = text.contains(':') ? Family::ipv6 : Family::ipv4;
  const std::string copy(text);
  // inet_pton() reads a C string, so a NUL byte would hide the rest of the text.
  if (text.contains('\0') || inet_pton(socket_family(address.family_), copy.c_str(), address.bytes_.data()) != 1)
    return fail("{:?}: an IPv4 or IPv6 address is expected", text);
  return address;
}

Address Address::from_bytes(std::span<const std::uint8_t> bytes) {
  Address address;
  address.family_ = bytes.size() == 16 ? Family::ipv6 : Family::ipv4;
  const auto count = std::min(bytes.size(), static_cast<std::size_t>(address_bytes(address.family_)));
  std::ranges::copy(bytes.first(count), address.bytes_.begin());
  return address;
}

std::string Address::to_string() const {
  char text[INET6_ADDRSTRLEN];
  return inet_ntop(socket_family(family_), bytes_.data(), text, sizeof text);
}

bool Address::is_unspecified() const {
  return std::ranges::all_of(bytes(), [](std::uint8_t byte) { return byte == 0; });
}

bool Address::is_loopback() const {
  if (family_ == Family::ipv4) return bytes_[0] == 127;
  return bytes_[15] == 1 && std::ranges::all_of(bytes().first(15), [](std::uint8_t byte) { return byte == 0; });
}

bool Address::is_link_local() const {
  if (family_ == Family::ipv4) return bytes_[0] == 169 && bytes_[1] == 254;
  return bytes_[0] == 0xfe && (bytes_[1] & 0xc0) == 0x80;
}

bool Address::is_multicast() const {
  return family_ == Family::ipv4 ? (bytes_[0] & 0xf0) == 0xe0 : bytes_[0] == 0xff;
}

int common_bits(const Address& a, const Address& b) {
  const auto left = a.bytes();
  const auto right = b.bytes();
  int bits = 0;
  for (std::size_t i = 0; i < left.size(); ++i, bits += 8)
    if (const auto differ = static_cast<std::uint8_t>(left[i] ^ right[i])) return bits + std::countl_zero(differ);
  return bits;
}

// Not defaulted: g++ 14 warns of the comparison that it generates for an array.
std::strong_ordering Address::operator<=>(const Address& other) const {
  if (const auto order = family_ <=> other.family_; order != 0) return order;
  return std::memcmp(bytes_.data(), other.bytes_.data(), bytes_.size()) <=> 0;
}

}  // namespace masq
