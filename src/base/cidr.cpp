// SPDX-License-Identifier: Apache-2.0
#include "base/cidr.hpp"

#include <algorithm>
#include <charconv>

namespace masq {
namespace {

Address clear_host_bits(const Address& address, int length) {
  std::array<std::uint8_t, 16> bytes{};
  const auto size = static_cast<std::size_t>(address_bytes(address.family()));
  std::ranges::copy(address.bytes(), bytes.begin());
  for (int bit = length; bit < address_bits(address.family()); ++bit)
    bytes[static_cast<std::size_t>(bit / 8)] &= static_cast<std::uint8_t>(~(0x80 >> (bit % 8)));
  return Address::from_bytes(std::span(bytes).first(size));
}

}  // namespace

Cidr::Cidr(const Address& address, int length)
    : address_(clear_host_bits(address, std::clamp(length, 0, address_bits(address.family())))),
      length_(std::clamp(length, 0, address_bits(address.family()))) {}

Result<Cidr> Cidr::parse(std::string_view text) {
  const auto slash = text.find('/');
  if (slash == std::string_view::npos) return fail("\"{}\" is not a CIDR: ADDRESS/LENGTH is expected", text);
  const auto address = Address::parse(text.substr(0, slash));
  if (!address) return fail("\"{}\" is not a CIDR: {}", text, address.error().message);
  const auto digits = text.substr(slash + 1);
  int length = -1;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), length);
  const int bits = address_bits(address->family());
  if (error != std::errc() || end != digits.data() + digits.size() || length < 0 || length > bits)
    return fail("\"{}\" is not a CIDR: a length from 0 to {} is expected", text, bits);
  return Cidr(*address, length);
}

Cidr Cidr::host(const Address& address) { return Cidr(address, address_bits(address.family())); }

bool Cidr::contains(const Address& address) const {
  return address.family() == family() && clear_host_bits(address, length_) == address_;
}

bool Cidr::contains(const Cidr& other) const { return other.length_ >= length_ && contains(other.address_); }

std::string Cidr::to_string() const { return fmt::format("{}/{}", address_.to_string(), length_); }

bool any_contains(const std::vector<Cidr>& cidrs, const Address& address) {
  return std::ranges::any_of(cidrs, [&](const Cidr& cidr) { return cidr.contains(address); });
}

std::vector<Cidr> of_family(const std::vector<Cidr>& cidrs, Family family) {
  std::vector<Cidr> result;
  std::ranges::copy_if(cidrs, std::back_inserter(result), [&](const Cidr& cidr) { return cidr.family() == family; });
  return result;
}

std::string join(const std::vector<Cidr>& cidrs, std::string_view separator) {
  std::string out;
  for (const auto& cidr : cidrs) {
    if (!out.empty()) out += separator;
    out += cidr.to_string();
  }
  return out;
}

}  // namespace masq
