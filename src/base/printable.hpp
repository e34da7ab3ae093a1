// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace masq {

// Line breaks and tabs: `escape` them in a value, `keep` them in a text of several lines.
enum class Layout : std::uint8_t { escape, keep };

// Returns the text without characters that control a terminal or a log: control characters, line and paragraph
// separators, and marks of the writing direction are written as in JSON (\u001b, \n). A byte that is no UTF-8 is
// written as \xff. All other characters stay, the backslash too.
std::string printable(std::string_view text, Layout layout = Layout::escape);

}  // namespace masq
