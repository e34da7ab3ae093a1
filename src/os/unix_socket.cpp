// SPDX-License-Identifier: Apache-2.0
#include "os/unix_socket.hpp"

#include <sys/stat.h>
#include <sys/time.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstring>
#include <filesystem>
#include <string_view>
#include <system_error>

#include "base/result.hpp"
#include "os/fd.hpp"
#include "os/own_directory.hpp"

namespace masq::os {
namespace {

Result<void> remove_left_socket(const std::filesystem::path& path) {
  struct stat info{};
  if (lstat(path.c_str(), &info) != 0) {
    if (errno == ENOENT) return {};
    return fail("{}: {}", path.string(), std::strerror(errno));
  }
  if (!S_ISSOCK(info.st_mode)) return fail("{}: not a socket", path.string());
  if (unlink(path.c_str()) != 0) return fail("remove {}: {}", path.string(), std::strerror(errno));
  return {};
}

}  // namespace

Result<UnixAddress> UnixAddress::make(std::string_view name) {
  UnixAddress address;
  address.raw.sun_family = AF_UNIX;
  if (name.empty() || name.size() >= sizeof address.raw.sun_path)
    return fail("{}: a unix socket's path has 1 to {} bytes", name, sizeof address.raw.sun_path - 1);
  std::ranges::copy(name, address.raw.sun_path);
  if (name.front() == '@') address.raw.sun_path[0] = '\0';
  address.size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size());
  return address;
}

Result<Fd> listen_at(const std::filesystem::path& path) {
  TRY(auto address, UnixAddress::make(path.string()));
  TRY_DO(remove_left_socket(path));
  Fd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd) return fail("socket: {}", std::strerror(errno));
  // The mode must be correct from the beginning, whatever umask the process inherited.
  const mode_t inherited = umask(0117);
  const bool bound = bind(fd.get(), address.get(), address.size) == 0;
  const int error = errno;
  umask(inherited);
  if (!bound) return fail("bind {}: {}", path.string(), std::strerror(error));
  if (listen(fd.get(), 128) != 0) return fail("listen at {}: {}", path.string(), std::strerror(errno));
  return fd;
}

Result<void> make_private_directory(const std::filesystem::path& path) {
  if (path.empty()) return {};
  std::error_code error;
  if (path.has_parent_path()) std::filesystem::create_directories(path.parent_path(), error);
  if (error) return fail("create {}: {}", path.parent_path().string(), error.message());
  return make_own_directory(path, 0750);
}

Result<Fd> connect_to(const std::filesystem::path& path, std::chrono::seconds timeout) {
  TRY(auto address, UnixAddress::make(path.string()));
  Fd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const timeval limit{.tv_sec = timeout.count(), .tv_usec = 0};
  if (!fd || setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) != 0 ||
      setsockopt(fd.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit) != 0)
    return fail("socket: {}", std::strerror(errno));
  if (connect(fd.get(), address.get(), address.size) != 0)
    return fail("connect to {}: {}", path.string(), std::strerror(errno));
  return fd;
}

}  // namespace masq::os
