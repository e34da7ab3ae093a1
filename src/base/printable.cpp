// SPDX-License-Identifier: Apache-2.0
#include "base/printable.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <string>
#include <string_view>

namespace masq {
namespace {

struct Character {
  char32_t code = 0;
  std::size_t size = 0;  // in bytes; 0: the text does not begin with a character of UTF-8
};

constexpr unsigned char byte_at(std::string_view text, std::size_t at) {
  return static_cast<unsigned char>(text[at]);
}

// Refuses what RFC 3629 refuses: overlong forms, surrogates, and numbers above U+10FFFF.
Character first_character(std::string_view text) {
  const auto head = byte_at(text, 0);
  if (head < 0x80) return {.code = head, .size = 1};
  const std::size_t size = head >= 0xf0 ? 4 : head >= 0xe0 ? 3 : 2;
  if (head < 0xc2 || head > 0xf4 || text.size() < size) return {};
  auto code = static_cast<char32_t>(head & (0x7f >> size));
  for (std::size_t i = 1; i < size; ++i) {
    if ((byte_at(text, i) & 0xc0) != 0x80) return {};
    code = code << 6 | (byte_at(text, i) & 0x3f);
  }
  const bool overlong = (size == 3 && code < 0x800) || (size == 4 && code < 0x10000);
  if (overlong || (code >= 0xd800 && code < 0xe000) || code > 0x10ffff) return {};
  return {.code = code, .size = size};
}

// C0, DEL and C1; LS and PS; the marks, embeddings and isolates of the writing direction.
constexpr bool is_control(char32_t code) {
  return code < 0x20 || (code >= 0x7f && code < 0xa0) || code == 0x061c || code == 0x200e || code == 0x200f ||
         (code >= 0x2028 && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069);
}

std::string escape(char32_t code) {
  switch (code) {
    case '\n':
      return "\\n";
    case '\r':
      return "\\r";
    case '\t':
      return "\\t";
    default:
      return fmt::format("\\u{:04x}", static_cast<unsigned>(code));
  }
}

constexpr bool is_plain(char letter) {
  return letter >= 0x20 && letter < 0x7f;
}

}  // namespace

std::string printable(std::string_view text, Layout layout) {
  std::string safe;
  safe.reserve(text.size());
  while (!text.empty()) {
    const auto plain = static_cast<std::size_t>(
        std::distance(text.begin(), std::ranges::find_if_not(text, [](char letter) { return is_plain(letter); })));
    safe += text.substr(0, plain);
    text.remove_prefix(plain);
    if (text.empty()) break;
    const auto [code, size] = first_character(text);
    const bool stays = size != 0 && (!is_control(code) || (layout == Layout::keep && (code == '\n' || code == '\t')));
    safe += stays       ? std::string(text.substr(0, size))
            : size != 0 ? escape(code)
                        : fmt::format("\\x{:02x}", byte_at(text, 0));
    text.remove_prefix(std::max<std::size_t>(size, 1));
  }
  return safe;
}

}  // namespace masq
