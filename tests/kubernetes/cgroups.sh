# SPDX-License-Identifier: Apache-2.0

# remove_cgroups NAME: of processes that were killed; the kernel forgets them a moment later.
remove_cgroups() {
  local tries
  for tries in $(seq 100); do
    find /sys/fs/cgroup/*/ -mindepth 1 -depth -type d -path "/sys/fs/cgroup/*/$1*" -exec rmdir {} + 2>/dev/null || true
    [ -n "$(find /sys/fs/cgroup/*/ -maxdepth 1 -name "$1*" -print -quit)" ] || return 0
    sleep 0.1
  done
  echo "kubernetes: cgroups are left: $(find /sys/fs/cgroup/*/ -maxdepth 1 -name "$1*" | tr '\n' ' ')" >&2
  return 1
}
