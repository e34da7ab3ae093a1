// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace masq::os {

// Reads a whole regular file. Returns nullopt if it does not exist. Fails if it is no regular file (opening a FIFO
// would block) or larger than `limit` bytes.
Result<std::optional<std::string>> read_file_if_any(const std::filesystem::path& path, std::size_t limit);
// The same, but a missing file is an error.
Result<std::string> read_file(const std::filesystem::path& path, std::size_t limit);

// Replaces the file by one with this text, readable for its owner only. After a crash it has the old text or the new
// one.
Result<void> replace_file(const std::filesystem::path& path, std::string_view text);

// Makes a file with this text, readable for its owner only. Fails if anything has this name already.
Result<void> create_file(const std::filesystem::path& path, std::string_view text);

// Returns true while a process has the file open for writing. Returns false if no process has, or if the file system
// cannot report it.
bool is_being_written(const std::filesystem::path& path);

}  // namespace masq::os
