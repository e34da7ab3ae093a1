// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>

#include "base/result.hpp"

namespace masq {

// The whole of a regular file, or nothing when there is none. An error when it is something else (opening a FIFO
// would wait for ever) or holds more than `limit` bytes.
Result<std::optional<std::string>> read_file_if_any(const std::filesystem::path& path, std::size_t limit);
// The same, but a missing file is an error.
Result<std::string> read_file(const std::filesystem::path& path, std::size_t limit);

// True while a process has the file open for writing. False when there is none, or the file system cannot say.
bool is_being_written(const std::filesystem::path& path);

}  // namespace masq
