// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <optional>
#include <string>

#include "agent/sources/command_line.hpp"
#include "agent/sources/config_directory.hpp"
#include "base/result.hpp"
#include "model/config.hpp"
#include "model/options/options.hpp"

namespace masq::agent {

using Environment = std::map<std::string, std::string>;
// Reads the process's `environ`.
Environment read_environment(const char* const* environ);

struct LoadedConfig {
  Config config;
  GivenValues given{};
  std::optional<ConfigDirectory> directory{};  // absent: no --config-dir
};

// Reads all sources and merges them: built-in default < YAML file < directory < environment < flags. A later source
// replaces the value of an earlier one. An error is one line with source, key, value and the accepted values.
Result<LoadedConfig> load_config(const CommandLine& command_line, const Environment& environment);

}  // namespace masq::agent
