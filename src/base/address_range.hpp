// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <compare>
#include <optional>
#include <string>
#include <string_view>

#include "base/address.hpp"
#include "base/cidr.hpp"

namespace masq {

// A closed interval of addresses of one family, first <= last.
struct AddressRange {
  Address first;
  Address last;

  static AddressRange of(const Cidr& cidr);
  // Parses an address, a prefix, or "FIRST-LAST".
  static Result<AddressRange> parse(std::string_view text);
  // Returns the shortest of these forms.
  std::string to_string() const;
  auto operator<=>(const AddressRange&) const = default;
};

// Return the next or the previous address, or nullopt at the end of the family.
std::optional<Address> next(const Address& address);
std::optional<Address> previous(const Address& address);

}  // namespace masq
