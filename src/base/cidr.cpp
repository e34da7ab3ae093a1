// SPDX-License-Identifier: Apache-2.0
#include "base/cidr.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "base/address.hpp"
#include "base/result.hpp"

namespace masq {
namespace {

// Returns the bits of byte `index` that belong to a prefix of `length` bits.
std::uint8_t mask_of_byte(int length, int index) {
  const int bits = std::clamp(length - index * 8, 0, 8);
  return static_cast<std::uint8_t>(0xff00u >> bits);
}

Address clear_host_bits(const Address& address, int length) {
  std::array<std::uint8_t, 16> bytes{};
  const auto from = address.bytes();
  for (std::size_t i = 0; i < from.size(); ++i) bytes[i] = from[i] & mask_of_byte(length, static_cast<int>(i));
  return Address::from_bytes(std::span(bytes).first(from.size()));
}

// Digits without a sign or a leading zero.
Result<int> parse_length(std::string_view text, Family family) {
  unsigned length = 0;
  const auto* const past_end = text.data() + text.size();
  const auto [end, error] = std::from_chars(text.data(), past_end, length);
  const bool leading_zero = text.size() > 1 && text.front() == '0';
  if (error != std::errc() || end != past_end || leading_zero || length > static_cast<unsigned>(address_bits(family)))
    return fail("a prefix length from 0 to {} is expected", address_bits(family));
  return static_cast<int>(length);
}

}  // namespace

Cidr::Cidr(const Address& address, int length) : length_(std::clamp(length, 0, address_bits(address.family()))) {
  address_ = clear_host_bits(address, length_);
}

Result<Cidr> Cidr::parse(std::string_view text) {
  const auto slash = text.find('/');
  const auto address = Address::parse(text.substr(0, slash));
  if (slash == text.npos || !address) return fail("{:?}: a CIDR is expected, such as 10.0.0.0/8 or fd00::/8", text);
  const auto length = parse_length(text.substr(slash + 1), address->family());
  if (!length) return fail("{:?}: {}", text, length.error().message);
  return Cidr(*address, *length);
}

Cidr Cidr::host(const Address& address) {
  return Cidr(address, address_bits(address.family()));
}

bool Cidr::contains(const Address& address) const {
  if (address.family() != family()) return false;
  const auto own = address_.bytes();
  const auto other_bytes = address.bytes();
  for (int i = 0; i * 8 < length_; ++i) {
    const auto at = static_cast<std::size_t>(i);
    if ((other_bytes[at] & mask_of_byte(length_, i)) != own[at]) return false;
  }
  return true;
}

bool Cidr::contains(const Cidr& other) const {
  return length_ <= other.length_ && contains(other.address_);
}

std::string Cidr::to_string() const {
  return fmt::format("{}/{}", address_.to_string(), length_);
}

bool any_contains(const std::vector<Cidr>& cidrs, const Address& address) {
  return std::ranges::any_of(cidrs, [&](const Cidr& cidr) { return cidr.contains(address); });
}

std::vector<Cidr> of_family(const std::vector<Cidr>& cidrs, Family family) {
  std::vector<Cidr> found;
  std::ranges::copy_if(cidrs, std::back_inserter(found), [&](const Cidr& cidr) { return cidr.family() == family; });
  return found;
}

std::string join(const std::vector<Cidr>& cidrs, std::string_view separator) {
  std::string text;
  for (const auto& cidr : cidrs) {
    if (!text.empty()) text += separator;
    text += cidr.to_string();
  }
  return text;
}

}  // namespace masq
