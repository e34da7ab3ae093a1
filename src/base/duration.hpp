// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace masq {

// Go's time.ParseDuration for whole positive seconds: "1h30m", "7440s", "1.5m". A bare number is rejected as in Go.
// More than a year is rejected too.
Result<std::chrono::seconds> parse_duration(std::string_view text);

// Formats 7440 s as "2h4m", and 240 s as "4m".
std::string format_duration(std::chrono::seconds duration);

}  // namespace masq
