// SPDX-License-Identifier: Apache-2.0
#include "agent/lifecycle/pod_removal.hpp"

#include <memory>
#include <vector>

#include "agent/lifecycle/pod_watch.hpp"
#include "base/address.hpp"
#include "base/result.hpp"
#include "datapath/mapping_table.hpp"
#include "os/event_loop.hpp"

namespace masq::agent {

void end_connections(MappingTable& table, const std::vector<Address>& pods, spdlog::logger& log) {
  const auto ended = table.quarantine(pods);
  if (!ended) return log.debug("connections of removed pods: {}", ended.error().message);
  if (ended->mappings + ended->bypassed != 0)
    log.info("quarantined {} mappings of removed pods, cleared {} bypassed connections", ended->mappings,
             ended->bypassed);
}

Result<std::unique_ptr<PodWatch>> end_connections_of_removed_pods(os::EventLoop& loop, MappingTable& table,
                                                                  spdlog::logger& log) {
  return PodWatch::open(loop, loop, [&](const auto& pods) { end_connections(table, pods, log); });
}

}  // namespace masq::agent
