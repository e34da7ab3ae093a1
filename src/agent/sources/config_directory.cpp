// SPDX-License-Identifier: Apache-2.0
#include "agent/sources/config_directory.hpp"

#include <algorithm>
#include <filesystem>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "model/options/options.hpp"
#include "os/file.hpp"

namespace masq::agent {
namespace {

namespace fs = std::filesystem;

Result<std::vector<std::string>> names_in(const fs::path& directory) {
  std::error_code error;
  std::vector<std::string> names;
  for (fs::directory_iterator entry(directory, error); !error && entry != fs::directory_iterator();
       entry.increment(error))
    if (const auto name = entry->path().filename().string(); !name.starts_with('.')) names.push_back(name);
  if (error) return fail("{}: cannot be read: {}", directory.string(), error.message());
  std::ranges::sort(names);
  return names;
}

}  // namespace

// The kubelet replaces the link ..data atomically. It is resolved once, so that all files have the same version.
fs::path version_of_config_directory(const fs::path& path) {
  std::error_code error;
  auto version = fs::canonical(path / "..data", error);
  return error ? path : version;
}

Result<ConfigDirectory> read_config_directory(const fs::path& path) {
  const auto version = version_of_config_directory(path);
  TRY(const auto names, names_in(version));
  ConfigDirectory content;
  for (const auto& name : names) {
    if (find_option(name) == nullptr) {
      content.ignored.push_back(name);
      continue;
    }
    TRY(auto text, os::read_file(version / name, max_options_size));
    while (text.ends_with('\n') || text.ends_with('\r')) text.pop_back();
    content.options.emplace_back(name, std::move(text));
  }
  return content;
}

}  // namespace masq::agent
