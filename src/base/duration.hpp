// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace masq {

// Go's time.ParseDuration for whole positive seconds: "1h30m", "7440s", "1.5m". A bare number is refused as Go does,
// and so is more than a year.
Result<std::chrono::seconds> parse_duration(std::string_view text);

// 7440 s are "2h4m", 240 s are "4m".
std::string format_duration(std::chrono::seconds duration);

}  // namespace masq
