// SPDX-License-Identifier: Apache-2.0
#include "agent/cleanup.hpp"

#include "agent/node_locks.hpp"
#include "datapath/bpf/bpf_datapath.hpp"
#include "os/mount.hpp"

namespace masq {

namespace {

Result<Steps> remove_datapath(const Config& config, NodeLocks& locks) {
  auto mounted = is_bpffs(config.bpf_root);
  if (!mounted) return std::unexpected(mounted.error());
  if (!*mounted) return Steps();
  if (auto locked = locks.lock_bpf_root(config.bpf_root); !locked) return std::unexpected(locked.error());
  auto datapath = make_bpf_datapath(config.bpf_root);
  if (!datapath) return std::unexpected(datapath.error());
  return (*datapath)->remove();
}

}  // namespace

Result<std::string> clean_up(const Config& config) {
  auto locks = NodeLocks::take(config);
  if (!locks) return std::unexpected(locks.error());
  auto steps = remove_datapath(config, *locks);
  if (!steps) return std::unexpected(steps.error());
  locks->leave_no_file(config);
  std::string text;
  for (const auto& step : *steps) text += step + "\n";
  return text;
}

}  // namespace masq
