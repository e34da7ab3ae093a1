// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fmt/format.h>

#include <expected>
#include <string>
#include <utility>

namespace masq {

// The failed operation, its object and the cause: one line, without a final full stop.
struct Error {
  std::string message;
  bool operator==(const Error&) const = default;
};

template <class T>
using Result = std::expected<T, Error>;

// Use: `return fail("{}: no such device", name);` in a function that returns a Result.
template <class... Args>
std::unexpected<Error> fail(fmt::format_string<Args...> format, Args&&... args) {
  return std::unexpected(Error{fmt::format(format, std::forward<Args>(args)...)});
}

// Returns the same error with a context: "what: why".
inline std::unexpected<Error> fail_with(std::string_view what, const Error& why) {
  return std::unexpected(Error{fmt::format("{}: {}", what, why.message)});
}

}  // namespace masq
