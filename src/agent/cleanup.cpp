// SPDX-License-Identifier: Apache-2.0
#include "agent/cleanup.hpp"

#include <string>

#include "agent/datapath_choice.hpp"
#include "agent/node_locks.hpp"
#include "base/result.hpp"
#include "datapath/datapath.hpp"
#include "model/config.hpp"
#include "os/mount.hpp"

namespace masq::agent {

namespace {

Result<Steps> remove_all(const Config& config, NodeLocks& locks) {
  TRY(auto mounted, os::is_bpffs(config.bpf_root));
  if (mounted) TRY_DO(locks.lock_bpf_root(config.bpf_root));
  return remove_datapaths(config);
}

}  // namespace

Result<std::string> clean_up(const Config& config) {
  TRY(auto locks, NodeLocks::take(config));
  TRY(auto steps, remove_all(config, locks));
  locks.unlink_lock_file(config);
  std::string text;
  for (const auto& step : steps) text += step + "\n";
  return text;
}

}  // namespace masq::agent
