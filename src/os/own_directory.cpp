// SPDX-License-Identifier: Apache-2.0
#include "os/own_directory.hpp"

#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "base/result.hpp"

namespace masq::os {

Result<void> make_own_directory(const std::filesystem::path& path, mode_t mode) {
  if (mkdir(path.c_str(), mode) != 0 && errno != EEXIST)
    return fail("create {}: {}", path.string(), std::strerror(errno));
  return check_own_directory(path);
}

Result<bool> is_open_to_others(const std::filesystem::path& path) {
  struct stat info{};
  if (stat(path.c_str(), &info) != 0) return fail("{}: {}", path.string(), std::strerror(errno));
  return (info.st_mode & (S_IRWXG | S_IRWXO)) != 0;
}

Result<void> check_own_directory(const std::filesystem::path& path) {
  struct stat info{};
  if (stat(path.c_str(), &info) != 0) {
    if (errno == ENOENT) return {};
    return fail("{}: {}", path.string(), std::strerror(errno));
  }
  if (!S_ISDIR(info.st_mode)) return fail("{}: not a directory", path.string());
  if (info.st_uid != 0 && info.st_uid != geteuid())
    return fail("{}: it belongs to user {}, not to root", path.string(), info.st_uid);
  if ((info.st_mode & (S_IWGRP | S_IWOTH)) != 0 && (info.st_mode & S_ISVTX) == 0)
    return fail("{}: others can write to it: use chmod go-w, or another directory", path.string());
  return {};
}

}  // namespace masq::os
