// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "base/result.hpp"

namespace masq::agent {

// The largest file of options that is read, in bytes: the maximum size of a ConfigMap.
constexpr std::size_t max_options_size = 1 << 20;

// The content of the directory of --config-dir: one file an option, as a mounted ConfigMap has.
struct ConfigDirectory {
  std::vector<std::pair<std::string, std::string>> options;  // name and text of each file that is named like an option
  std::vector<std::string> ignored;                          // the names of the other files
  bool operator==(const ConfigDirectory&) const = default;
};

// Reads the directory; both lists are sorted. Files whose names begin with a dot are left out: ..data of a mounted
// ConfigMap, an editor's swap file. All files of a mounted ConfigMap have the same version.
Result<ConfigDirectory> read_config_directory(const std::filesystem::path& path);

// Where the files are: a directory of its own for each version of a mounted ConfigMap, else the directory itself.
std::filesystem::path version_of_config_directory(const std::filesystem::path& path);

}  // namespace masq::agent
