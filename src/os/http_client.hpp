// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "os/fd.hpp"
#include "os/http_message.hpp"

namespace masq::os {

// Sends one GET over a unix socket, and blocks. Fails if the server sends nothing for ten seconds, or a reply of more
// than 64 MiB.
Result<HttpAnswer> http_get(const std::filesystem::path& socket, std::string_view target);

// A reply of unknown length that arrives piece by piece.
struct HttpStream {
  Fd connection;      // non-blocking; the rest of the body
  std::string begin;  // the part of the body that came with the header
};
// Sends one GET over a unix socket, and blocks until the header of the reply is there. With another status than 200
// the stream is empty, and `answer` has the body.
struct HttpStreamAnswer {
  HttpAnswer answer;
  HttpStream stream;
};
Result<HttpStreamAnswer> http_stream(const std::filesystem::path& socket, std::string_view target);

}  // namespace masq::os
