// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string_view>

namespace masq {

// FNV-1a, for the comments by which rules are known: it has to differ when the text does, and nobody gains by making
// it equal.
constexpr std::uint32_t digest(std::string_view text) {
  std::uint32_t hash = 2166136261u;
  for (const char c : text) hash = (hash ^ static_cast<std::uint8_t>(c)) * 16777619u;
  return hash;
}

}  // namespace masq
