// SPDX-License-Identifier: Apache-2.0
#include "agent/sources/kept_state.hpp"

#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "os/file.hpp"
#include "os/own_directory.hpp"

namespace masq::agent {
namespace {

constexpr std::size_t max_state = 64 << 20;
constexpr mode_t only_for_root = 0700;

}  // namespace

Result<void> KeptState::save(const std::string& name, std::string_view text) const {
  TRY_DO(os::make_own_directory(directory_, only_for_root));
  return os::replace_file(directory_ / name, text);
}

Result<std::optional<std::string>> KeptState::load(const std::string& name) const {
  TRY_DO(os::check_own_directory(directory_));
  return os::read_file_if_any(directory_ / name, max_state);
}

}  // namespace masq::agent
