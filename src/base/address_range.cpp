// SPDX-License-Identifier: Apache-2.0
#include "base/address_range.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/address.hpp"
#include "base/cidr.hpp"
#include "base/result.hpp"

namespace masq {
namespace {

struct Bytes {
  std::array<std::uint8_t, 16> all{};
  std::size_t size = 0;
  explicit Bytes(const Address& address) : size(address.bytes().size()) {
    std::ranges::copy(address.bytes(), all.begin());
  }
  std::span<std::uint8_t> used() { return std::span(all).first(size); }
  Address address() { return Address::from_bytes(used()); }
};

// Returns the neighbour. Bytes equal to `full` carry over and become `empty`: 255 to 0 upwards, 0 to 255 downwards.
std::optional<Address> neighbour(const Address& address, std::uint8_t full, std::uint8_t empty, int step) {
  Bytes bytes(address);
  for (std::size_t i = bytes.size; i-- > 0;) {
    auto& byte = bytes.all[i];
    if (byte != full) {
      byte = static_cast<std::uint8_t>(byte + step);
      return bytes.address();
    }
    byte = empty;
  }
  return std::nullopt;
}

// Returns the prefix that equals this range, else nullopt.
std::optional<Cidr> as_prefix(const AddressRange& range) {
  for (int length = 0; length <= address_bits(range.first.family()); ++length) {
    const Cidr cidr(range.first, length);
    if (cidr.address() == range.first && AddressRange::of(cidr).last == range.last) return cidr;
  }
  return std::nullopt;
}

}  // namespace

std::optional<Address> next(const Address& address) {
  return neighbour(address, 0xff, 0, 1);
}

std::optional<Address> previous(const Address& address) {
  return neighbour(address, 0, 0xff, -1);
}

AddressRange AddressRange::of(const Cidr& cidr) {
  Bytes bytes(cidr.address());
  for (int bit = cidr.length(); bit < address_bits(cidr.family()); ++bit)
    bytes.all[static_cast<std::size_t>(bit / 8)] |= static_cast<std::uint8_t>(0x80 >> (bit % 8));
  return {.first = cidr.address(), .last = bytes.address()};
}

Result<AddressRange> AddressRange::parse(std::string_view text) {
  if (text.contains('/')) {
    TRY(const auto cidr, Cidr::parse(text));
    return of(cidr);
  }
  const auto dash = text.find('-');
  TRY(const auto first, Address::parse(text.substr(0, dash)));
  if (dash == std::string_view::npos) return AddressRange{.first = first, .last = first};
  TRY(const auto last, Address::parse(text.substr(dash + 1)));
  if (first.family() != last.family() || last < first) return fail("{:?}: an address range is expected", text);
  return AddressRange{.first = first, .last = last};
}

std::string AddressRange::to_string() const {
  if (first == last) return first.to_string();
  if (const auto cidr = as_prefix(*this)) return cidr->to_string();
  return first.to_string() + "-" + last.to_string();
}

}  // namespace masq
