// SPDX-License-Identifier: Apache-2.0
#include "base/printable.hpp"

#include <gmock/gmock.h>

#include <string>
#include <string_view>

namespace masq {
namespace {

struct Row {
  std::string_view name;
  std::string_view text;
  std::string_view expected;
};

constexpr Row rows[] = {
    {.name = "nothing", .text = "", .expected = ""},
    {.name = "a device", .text = "eth0.100", .expected = "eth0.100"},
    {.name = "escape sequence", .text = "eth\x1b[2Jx", .expected = "eth\\u001b[2Jx"},
    {.name = "line breaks and tab", .text = "a\nb\r\tc", .expected = "a\\nb\\r\\tc"},
    {.name = "DEL", .text = "a\x7f", .expected = "a\\u007f"},
    {.name = "a control character of C1 (CSI)",
     .text = "a\xc2\x9b"
             "2J",
     .expected = "a\\u009b2J"},
    {.name = "a byte of C1 alone",
     .text = "a\x9b"
             "2J",
     .expected = "a\\x9b2J"},
    {.name = "letters and a backslash",
     .text = "K\xc3\xbc"
             "che \\ \xe2\x82\xac \xf0\x9f\x90\xa7",
     .expected = "K\xc3\xbc"
                 "che \\ \xe2\x82\xac \xf0\x9f\x90\xa7"},
    {.name = "a mark that reverses the text",
     .text = "a\xe2\x80\xae"
             "b",
     .expected = "a\\u202eb"},
    {.name = "a line separator",
     .text = "a\xe2\x80\xa8"
             "b",
     .expected = "a\\u2028b"},
    {.name = "overlong forms of ESC", .text = "\xc0\x9b \xe0\x80\x9b", .expected = "\\xc0\\x9b \\xe0\\x80\\x9b"},
    {.name = "a surrogate", .text = "\xed\xa0\x80", .expected = "\\xed\\xa0\\x80"},
    {.name = "above U+10FFFF", .text = "\xf4\x90\x80\x80", .expected = "\\xf4\\x90\\x80\\x80"},
    {.name = "a character that is cut off", .text = "a\xe2\x82", .expected = "a\\xe2\\x82"},
};

TEST(Printable, EscapesWhatControlsATerminal) {
  for (const auto& row : rows) EXPECT_EQ(printable(row.text), row.expected) << row.name;
  EXPECT_EQ(printable(std::string_view("a\0b", 3)), "a\\u0000b");
}

TEST(Printable, KeepsTheLayoutOfATextOfLines) {
  EXPECT_EQ(printable("one\ttwo\nthree\r\x1b\n", Layout::keep), "one\ttwo\nthree\\r\\u001b\n");
}

}  // namespace
}  // namespace masq
