// SPDX-License-Identifier: Apache-2.0
#include "os/mount.hpp"

#include <linux/magic.h>
#include <sys/mount.h>
#include <sys/vfs.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>

#include "base/result.hpp"

namespace masq::os {

Result<bool> is_bpffs(const std::filesystem::path& path) {
  struct statfs info{};
  if (statfs(path.c_str(), &info) == 0) return static_cast<unsigned long>(info.f_type) == BPF_FS_MAGIC;
  if (errno == ENOENT || errno == ENOTDIR) return false;
  return fail("statfs {}: {}", path.string(), std::strerror(errno));
}

Result<void> make_bpffs(const std::filesystem::path& path) {
  TRY(auto already, is_bpffs(path));
  if (already) return {};
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (error) return fail("create {}: {}", path.string(), error.message());
  if (mount("bpf", path.c_str(), "bpf", MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_RELATIME, "mode=0700") != 0)
    return fail("mount a bpffs at {}: {}{}", path.string(), std::strerror(errno),
                errno == EPERM
                    ? ": CAP_SYS_ADMIN is missing: it is needed to mount a bpffs; `masqd --mount-bpffs` mounts it"
                    : "");
  return {};
}

}  // namespace masq::os
