// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fmt/format.h>

#include <expected>
#include <string>
#include <utility>

namespace masq {

// What was tried, on what, and why it failed: one line, without a final full stop.
struct Error {
  std::string message;
  bool operator==(const Error&) const = default;
};

template <class T>
using Result = std::expected<T, Error>;

// `return fail("{}: no such device", name);` in a function that returns a Result.
template <class... Args>
std::unexpected<Error> fail(fmt::format_string<Args...> format, Args&&... args) {
  return std::unexpected(Error{fmt::format(format, std::forward<Args>(args)...)});
}

// The same error, told from one level further up: "what: why".
inline std::unexpected<Error> fail_with(std::string_view what, const Error& why) {
  return std::unexpected(Error{fmt::format("{}: {}", what, why.message)});
}

}  // namespace masq
