// SPDX-License-Identifier: Apache-2.0
#include "os/file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstddef>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.hpp"
#include "os/fd.hpp"

namespace masq::os {
namespace {

Result<std::string> read_all(int fd, const std::filesystem::path& path, std::size_t limit) {
  std::string text;
  std::array<char, 65536> buffer;
  for (;;) {
    const ssize_t count = read(fd, buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return fail("read {}: {}", path.string(), std::strerror(errno));
    if (count == 0) return text;
    text.append(buffer.data(), static_cast<std::size_t>(count));
    if (text.size() > limit) return fail("{}: larger than {} bytes", path.string(), limit);
  }
}

Result<void> write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t count = write(fd, text.data(), text.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return fail("write: {}", std::strerror(errno));
    text.remove_prefix(static_cast<std::size_t>(count));
  }
  if (fdatasync(fd) != 0) return fail("fdatasync: {}", std::strerror(errno));
  return {};
}

}  // namespace

Result<std::optional<std::string>> read_file_if_any(const std::filesystem::path& path, std::size_t limit) {
  Fd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!fd && (errno == ENOENT || errno == ENOTDIR)) return std::nullopt;
  if (!fd) return fail("open {}: {}", path.string(), std::strerror(errno));
  struct stat info{};
  if (fstat(fd.get(), &info) != 0) return fail("stat {}: {}", path.string(), std::strerror(errno));
  if (!S_ISREG(info.st_mode)) return fail("{}: not a regular file", path.string());
  TRY(auto text, read_all(fd.get(), path, limit));
  return text;
}

Result<std::string> read_file(const std::filesystem::path& path, std::size_t limit) {
  TRY(auto text, read_file_if_any(path, limit));
  if (!text) return fail("open {}: {}", path.string(), std::strerror(ENOENT));
  return std::move(*text);
}

Result<void> replace_file(const std::filesystem::path& path, std::string_view text) {
  auto fresh = path;
  fresh += ".new";
  Fd fd(open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, S_IRUSR | S_IWUSR));
  if (!fd) return fail("open {}: {}", fresh.string(), std::strerror(errno));
  if (auto written = write_all(fd.get(), text); !written) return fail_with(fresh.string(), written.error());
  if (rename(fresh.c_str(), path.c_str()) != 0)
    return fail("rename {} to {}: {}", fresh.string(), path.string(), std::strerror(errno));
  return {};
}

Result<void> create_file(const std::filesystem::path& path, std::string_view text) {
  Fd fd(open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, S_IRUSR | S_IWUSR));
  if (!fd) return fail("create {}: {}", path.string(), std::strerror(errno));
  if (auto written = write_all(fd.get(), text); !written) return fail_with(path.string(), written.error());
  return {};
}

// The kernel grants a read lease only on a file that no process has open for writing. A process that opens it for
// writing meanwhile is delayed until the lease is released. The kernel then signals this process; the chosen signal is
// ignored by default.
bool is_being_written(const std::filesystem::path& path) {
  Fd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!fd || fcntl(fd.get(), F_SETSIG, SIGURG) != 0) return false;
  if (fcntl(fd.get(), F_SETLEASE, F_RDLCK) != 0) return errno == EAGAIN;
  fcntl(fd.get(), F_SETLEASE, F_UNLCK);
  return false;
}

}  // namespace masq::os
