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

// One GET over a unix socket. It blocks; a server that says nothing for ten seconds is an error, and so is an answer
// of more than 64 MiB.
Result<HttpAnswer> http_get(const std::filesystem::path& socket, std::string_view target);

}  // namespace masq
