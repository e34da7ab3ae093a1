// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string_view>

namespace masq::netfilter {

// FNV-1a, for the comments that identify rules. It must differ when the text differs; it needs no resistance to
// attacks.
constexpr std::uint32_t digest(std::string_view text) {
  std::uint32_t hash = 2166136261u;
  for (const char c : text) hash = (hash ^ static_cast<std::uint8_t>(c)) * 16777619u;
  return hash;
}

}  // namespace masq::netfilter
