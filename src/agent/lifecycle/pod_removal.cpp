// SPDX-License-Identifier: Apache-2.0
#include "agent/lifecycle/pod_removal.hpp"

#include <memory>
#include <vector>

#include "agent/lifecycle/pod_watch.hpp"
#include "base/address.hpp"
#include "base/result.hpp"
#include "datapath/datapath.hpp"
#include "os/event_loop.hpp"

namespace masq {

void end_connections(Datapath& datapath, const std::vector<Address>& pods, spdlog::logger& log) {
  const auto ended = datapath.pods_gone(pods);
  if (!ended) return log.debug("connections of removed pods: {}", ended.error().message);
  if (ended->mappings + ended->left_alone != 0)
    log.info("quarantined {} mappings of removed pods, cleared {} bypassed connections", ended->mappings,
             ended->left_alone);
}

Result<std::unique_ptr<PodWatch>> end_connections_of_removed_pods(EventLoop& loop, Datapath& datapath,
                                                                  spdlog::logger& log) {
  return PodWatch::open(loop, loop, [&](const auto& pods) { end_connections(datapath, pods, log); });
}

}  // namespace masq
