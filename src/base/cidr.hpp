// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <compare>
#include <string>
#include <string_view>
#include <vector>

#include "base/address.hpp"
#include "base/result.hpp"

namespace masq {

// An address prefix; host bits are always zero. Ordered by address, then by length.
class Cidr {
 public:
  Cidr() = default;
  // Host bits of `address` are cleared; `length` is clamped to the family's bits.
  Cidr(const Address& address, int length);

  // "ADDRESS/LENGTH"; host bits are cleared, a bare address is rejected.
  static Result<Cidr> parse(std::string_view text);
  // Returns the prefix of one address: /32 or /128.
  static Cidr host(const Address& address);

  const Address& address() const { return address_; }
  int length() const { return length_; }
  Family family() const { return address_.family(); }
  bool contains(const Address& address) const;
  bool contains(const Cidr& other) const;
  std::string to_string() const;

  auto operator<=>(const Cidr&) const = default;

 private:
  Address address_;
  int length_ = 0;
};

// Returns true if one of `cidrs` contains `address`.
bool any_contains(const std::vector<Cidr>& cidrs, const Address& address);
// Returns the prefixes of one family, in their original order.
std::vector<Cidr> of_family(const std::vector<Cidr>& cidrs, Family family);
// Separated by blanks, as in status lines.
std::string join(const std::vector<Cidr>& cidrs, std::string_view separator = " ");

}  // namespace masq
