// SPDX-License-Identifier: Apache-2.0
#include "agent/cleanup.hpp"

#include "agent/node_locks.hpp"
#include "datapath/bpf/bpf_datapath.hpp"
#include "os/mount.hpp"

namespace masq {

Result<std::string> clean_up(const Config& config) {
  auto locks = NodeLocks::take(config);
  if (!locks) return std::unexpected(locks.error());
  auto mounted = is_bpffs(config.bpf_root);
  if (!mounted) return std::unexpected(mounted.error());
  if (!*mounted) return std::string();
  if (auto locked = locks->lock_bpf_root(config.bpf_root); !locked) return std::unexpected(locked.error());
  auto datapath = make_bpf_datapath(config.bpf_root);
  if (!datapath) return std::unexpected(datapath.error());
  auto steps = (*datapath)->remove();
  if (!steps) return std::unexpected(steps.error());
  std::string text;
  for (const auto& step : *steps) text += step + "\n";
  return text;
}

}  // namespace masq
