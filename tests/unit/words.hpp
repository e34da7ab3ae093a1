// SPDX-License-Identifier: Apache-2.0
// Short ways to write addresses and prefixes in tables; text that does not parse fails the test that uses it.
#pragma once

#include <algorithm>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

#include "base/address.hpp"
#include "base/cidr.hpp"

namespace masq {

inline Address operator""_ip(const char* text, std::size_t size) {
  return Address::parse({text, size}).value();
}
inline Cidr operator""_cidr(const char* text, std::size_t size) {
  return Cidr::parse({text, size}).value();
}

// "10.0.0.0/8 fd00::/8"
inline std::vector<Cidr> cidrs(std::string_view text) {
  std::vector<Cidr> found;
  while (!text.empty()) {
    const auto word = text.substr(0, text.find(' '));
    found.push_back(Cidr::parse(word).value());
    text.remove_prefix(std::min(text.size(), word.size() + 1));
  }
  return found;
}

// gtest prints failures with these.
inline void PrintTo(const Address& address, std::ostream* out) {
  *out << address.to_string();
}
inline void PrintTo(const Cidr& cidr, std::ostream* out) {
  *out << cidr.to_string();
}
inline void PrintTo(const Error& error, std::ostream* out) {
  *out << error.message;
}

}  // namespace masq
