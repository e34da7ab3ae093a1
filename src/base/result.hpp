// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fmt/format.h>

#include <expected>
#include <string>
#include <string_view>
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

// TRY(DECLARATION, EXPRESSION): assigns the value of a Result, or returns its error from the function:
//   TRY(const auto text, read_file(path, max_size));
//   TRY(source->watch_, FileWatch::open(loop, path, changed));
// It is more than one statement: as the body of `if` or `for` without braces it does not compile.
#define TRY(declaration, ...) MASQ_TRY(MASQ_TRY_NAME(__COUNTER__), declaration, (__VA_ARGS__))

// TRY_DO(EXPRESSION): returns the error of a Result from the function, and ignores its value. It is one statement.
#define TRY_DO(...) MASQ_TRY_DO(MASQ_TRY_NAME(__COUNTER__), (__VA_ARGS__))

#define MASQ_TRY_NAME(number) MASQ_TRY_JOIN(try_result_, number)
#define MASQ_TRY_JOIN(prefix, number) prefix##number
// NOLINTBEGIN(bugprone-macro-parentheses): names and declarations stand in none
#define MASQ_TRY(result, declaration, expression)                 \
  auto result = expression;                                       \
  if (!result) return std::unexpected(std::move(result).error()); \
  declaration = *std::move(result)
#define MASQ_TRY_DO(result, expression)                                                       \
  do {                                                                                        \
    if (auto result = expression; !result) return std::unexpected(std::move(result).error()); \
  } while (false)
// NOLINTEND(bugprone-macro-parentheses)
