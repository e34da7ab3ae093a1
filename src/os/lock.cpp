// SPDX-License-Identifier: Apache-2.0
#include "os/lock.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.hpp"
#include "os/fd.hpp"
#include "os/socket_owner.hpp"
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

Result<Fd> open_lock_file(const std::filesystem::path& path) {
  Fd fd(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!fd) return fail("lock {}: {}", path.string(), std::strerror(errno));
  return fd;
}

Result<bool> is_of_this_user(const Fd& fd) {
  struct stat info{};
  if (fstat(fd.get(), &info) != 0) return fail("fstat: {}", std::strerror(errno));
  return info.st_uid == geteuid();
}

// The user who has the name; absent: it is free again. Without sock_diag a process that answers tells it; one that does
// not answer is taken for root's, because it may be a stopped masqd.
std::optional<uid_t> owner_of_name(std::string_view name, const std::optional<ucred>& answered) {
  if (const auto listener = listener_of_abstract_name(name)) return *listener;
  return answered ? answered->uid : 0;
}

}  // namespace

Result<Fd> lock_file(const std::filesystem::path& path, std::string_view who) {
  TRY(auto fd, open_lock_file(path));
  TRY(const auto is_own, is_of_this_user(fd));
  if (!is_own) {  // in a directory like /tmp anybody can make the file, and hold the lock
    if (unlink(path.c_str()) != 0) return fail("lock {}: it belongs to another user", path.string());
    TRY(fd, open_lock_file(path));
  }
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
  Fd fd(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW));
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
  std::optional<ucred> answered(std::in_place);
  socklen_t size = sizeof(ucred);
  if (connect(fd.get(), address.get(), address.size) != 0 ||
      getsockopt(fd.get(), SOL_SOCKET, SO_PEERCRED, &*answered, &size) != 0)
    answered.reset();
  if (owner_of_name(name, answered) != uid_t{0}) return Fd();
  return fail("another {} runs already in this network namespace: {}", who,
              answered ? fmt::format("process {}", answered->pid) : "a process that does not answer");
}

void drain_connections(int lock) {
  while (Fd(accept4(lock, nullptr, nullptr, SOCK_CLOEXEC))) continue;
}

}  // namespace masq::os
