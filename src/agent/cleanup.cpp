// SPDX-License-Identifier: Apache-2.0
#include "agent/cleanup.hpp"

#include <expected>
#include <string>

#include "agent/datapath_choice.hpp"
#include "agent/node_locks.hpp"
#include "base/result.hpp"
#include "datapath/datapath.hpp"
#include "model/config.hpp"
#include "os/mount.hpp"

namespace masq {

namespace {

Result<Steps> remove_all(const Config& config, NodeLocks& locks) {
  auto mounted = is_bpffs(config.bpf_root);
  if (!mounted) return std::unexpected(mounted.error());
  if (*mounted)
    if (auto locked = locks.lock_bpf_root(config.bpf_root); !locked) return std::unexpected(locked.error());
  return remove_datapaths(config);
}

}  // namespace

Result<std::string> clean_up(const Config& config) {
  auto locks = NodeLocks::take(config);
  if (!locks) return std::unexpected(locks.error());
  auto steps = remove_all(config, *locks);
  if (!steps) return std::unexpected(steps.error());
  locks->unlink_lock_file(config);
  std::string text;
  for (const auto& step : *steps) text += step + "\n";
  return text;
}

}  // namespace masq
