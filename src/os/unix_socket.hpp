// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/socket.h>
#include <sys/un.h>

#include <chrono>
#include <filesystem>
#include <string_view>

#include "base/result.hpp"
#include "os/fd.hpp"

namespace masq::os {

// A unix socket's address: a path, or a name in the network namespace's abstract space when it begins with '@'.
struct UnixAddress {
  sockaddr_un raw{};
  socklen_t size = 0;

  static Result<UnixAddress> make(std::string_view name);
  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&raw); }
};

// A listening, non-blocking stream socket at `path` that only its owner and group may use (0660). An existing socket is
// replaced, because the caller holds a lock that excludes another server. Any other existing object is an error.
Result<Fd> listen_at(const std::filesystem::path& path);
// Creates `path` with mode 0750 and its parents; an existing directory must be one in which others cannot replace files
// (own_directory.hpp).
Result<void> make_private_directory(const std::filesystem::path& path);
// A blocking stream socket, connected to `path`; each later wait ends after `timeout`.
Result<Fd> connect_to(const std::filesystem::path& path, std::chrono::seconds timeout);

}  // namespace masq::os
