// SPDX-License-Identifier: Apache-2.0
#include "base/duration.hpp"

#include <fmt/format.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace masq {
namespace {

constexpr std::int64_t nanoseconds_per_second = 1'000'000'000;
constexpr std::int64_t longest = 366LL * 24 * 3600 * nanoseconds_per_second;

struct Unit {
  std::string_view name;
  std::int64_t nanoseconds;
};

// Longer names come first: "ms" must not parse as "m" and "s".
constexpr Unit units[] = {
    {"ns", 1},
    {"us", 1'000},
    {"µs", 1'000},
    {"ms", 1'000'000},
    {"s", nanoseconds_per_second},
    {"m", 60 * nanoseconds_per_second},
    {"h", 3600 * nanoseconds_per_second},
};

struct Number {
  std::int64_t mantissa = 0;
  std::int64_t scale = 1;  // the value is mantissa / scale
};

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

// Removes "12" or "1.5" from the front of `text`. Returns nullopt if there is no digit or too many.
std::optional<Number> take_number(std::string_view& text) {
  constexpr std::int64_t too_large = 1'000'000'000'000;
  Number number;
  bool digits = false;
  bool fraction = false;
  for (; !text.empty() && (is_digit(text.front()) || (text.front() == '.' && !fraction)); text.remove_prefix(1)) {
    if (text.front() == '.') {
      fraction = true;
      continue;
    }
    digits = true;
    number.mantissa = number.mantissa * 10 + (text.front() - '0');
    if (fraction) number.scale *= 10;
    if (number.mantissa > too_large || number.scale > too_large) return std::nullopt;
  }
  return digits ? std::optional(number) : std::nullopt;
}

std::optional<Unit> take_unit(std::string_view& text) {
  for (const auto& unit : units) {
    if (!text.starts_with(unit.name)) continue;
    text.remove_prefix(unit.name.size());
    return unit;
  }
  return std::nullopt;
}

// Parses the next "12h" or "1.5m" into nanoseconds.
std::optional<std::int64_t> take_term(std::string_view& text) {
  const auto number = take_number(text);
  if (!number) return std::nullopt;
  const auto unit = take_unit(text);
  if (!unit) return std::nullopt;
  const __int128 value = static_cast<__int128>(number->mantissa) * unit->nanoseconds / number->scale;
  return value > longest ? std::nullopt : std::optional(static_cast<std::int64_t>(value));
}

}  // namespace

Result<std::chrono::seconds> parse_duration(std::string_view text) {
  const auto refuse = [&] {
    return fail("{:?}: a duration of whole seconds is expected, such as 1h30m or 300s", text);
  };
  std::int64_t total = 0;
  auto rest = text;
  do {
    const auto term = take_term(rest);
    if (!term) return refuse();
    total += *term;
    if (total > longest) return refuse();
  } while (!rest.empty());
  if (total % nanoseconds_per_second != 0) return refuse();
  return std::chrono::seconds(total / nanoseconds_per_second);
}

std::string format_duration(std::chrono::seconds duration) {
  const auto total = duration.count();
  std::string text;
  if (total >= 3600) text += fmt::format("{}h", total / 3600);
  if (total % 3600 >= 60) text += fmt::format("{}m", total % 3600 / 60);
  if (total % 60 != 0 || text.empty()) text += fmt::format("{}s", total % 60);
  return text;
}

}  // namespace masq
