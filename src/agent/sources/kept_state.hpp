// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace masq::agent {

// The directory `state-dir`: what masqd knew, for its next start. A file is replaced as a whole, so that it is complete
// also after a crash.
class KeptState {
 public:
  explicit KeptState(std::filesystem::path directory) : directory_(std::move(directory)) {}

  // Creates the directory if it is missing. Fails if others can write to it.
  Result<void> save(const std::string& name, std::string_view text) const;
  // Returns nullopt if there is no such file.
  Result<std::optional<std::string>> load(const std::string& name) const;

 private:
  std::filesystem::path directory_;
};

}  // namespace masq::agent
