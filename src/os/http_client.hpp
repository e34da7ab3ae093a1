// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace masq {

struct HttpAnswer {
  int status = 0;
  std::string body;
};

// Sends one GET over a unix socket, and blocks. Fails if the server sends nothing for ten seconds, or a reply of more
// than 64 MiB.
Result<HttpAnswer> http_get(const std::filesystem::path& socket, std::string_view target);

}  // namespace masq
