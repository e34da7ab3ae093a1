// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <spdlog/logger.h>

#include <memory>

#include "model/config.hpp"

namespace masq::agent {

// Writes one line per event to standard error; as JSON: {"time": …, "level": …, "message": …}.
std::shared_ptr<spdlog::logger> make_logger(LogLevel level, LogFormat format);
spdlog::level::level_enum to_spdlog(LogLevel level);

// Returns the line formatter for the format.
std::unique_ptr<spdlog::formatter> make_log_formatter(LogFormat format);

}  // namespace masq::agent
