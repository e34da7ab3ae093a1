// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <spdlog/logger.h>

#include <memory>

#include "model/config.hpp"

namespace masq {

// One line an event on standard error; as JSON: {"time": …, "level": …, "message": …}.
std::shared_ptr<spdlog::logger> make_logger(LogLevel level, LogFormat format);
spdlog::level::level_enum to_spdlog(LogLevel level);

// The line's formatter, for the format.
std::unique_ptr<spdlog::formatter> make_log_formatter(LogFormat format);

}  // namespace masq
