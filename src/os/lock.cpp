// SPDX-License-Identifier: Apache-2.0
#include "os/lock.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "os/fd.hpp"
#include "os/unix_socket.hpp"

namespace masq::os {
namespace {

// The number is reliable: only root can write the file, and root can end the process anyway.
std::string written_owner(int fd) {
  std::array<char, 16> text{};
  const ssize_t size = pread(fd, text.data(), text.size() - 1, 0);
  std::string owner(text.data(), size > 0 ? static_cast<std::size_t>(size) : 0);
  owner.erase(owner.find_last_not_of('\n') + 1);
  return owner.empty() ? "unknown" : owner;
}

}  // namespace

Result<Fd> lock_file(const std::filesystem::path& path, std::string_view who) {
  Fd fd(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!fd) return fail("lock {}: {}", path.string(), std::strerror(errno));
  if (flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return fail("lock {}: {}", path.string(), std::strerror(errno));
    return fail("another {} runs already: process {} has {}", who, written_owner(fd.get()), path.string());
  }
  const auto owner = fmt::format("{}\n", getpid());
  if (ftruncate(fd.get(), 0) != 0 || pwrite(fd.get(), owner.data(), owner.size(), 0) < 0)
    return fail("write {}: {}", path.string(), std::strerror(errno));
  return fd;
}

Result<Fd> lock_directory(const std::filesystem::path& path, std::string_view who) {
  Fd fd(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd) return fail("lock {}: {}", path.string(), std::strerror(errno));
  if (flock(fd.get(), LOCK_EX | LOCK_NB) == 0) return fd;
  if (errno == EWOULDBLOCK) return fail("another {} runs already: it has {}", who, path.string());
  return fail("lock {}: {}", path.string(), std::strerror(errno));
}

Result<Fd> lock_network_namespace(std::string_view name, std::string_view who) {
  TRY(auto address, UnixAddress::make(fmt::format("@{}", name)));
  Fd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd) return fail("socket: {}", std::strerror(errno));
  if (bind(fd.get(), address.get(), address.size) == 0) {
    if (listen(fd.get(), 8) != 0) return fail("listen: {}", std::strerror(errno));
    return fd;
  }
  if (errno != EADDRINUSE) return fail("bind @{}: {}", name, std::strerror(errno));
  ucred owner{};
  socklen_t size = sizeof owner;
  const bool answers = connect(fd.get(), address.get(), address.size) == 0 &&
                       getsockopt(fd.get(), SOL_SOCKET, SO_PEERCRED, &owner, &size) == 0;
  if (answers && owner.uid == 0)
    return fail("another {} runs already in this network namespace: process {}", who, owner.pid);
  return Fd();
}

void drain_connections(int lock) {
  while (Fd(accept4(lock, nullptr, nullptr, SOCK_CLOEXEC))) continue;
}

}  // namespace masq::os
