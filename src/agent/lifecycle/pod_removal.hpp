// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <spdlog/logger.h>

#include <memory>
#include <vector>

#include "agent/lifecycle/pod_watch.hpp"
#include "base/address.hpp"
#include "base/result.hpp"
#include "datapath/mapping_table.hpp"
#include "os/event_loop.hpp"

namespace masq::agent {

// Ends the connections of removed pods, and logs their numbers. `pods`: sorted.
void end_connections(MappingTable& table, const std::vector<Address>& pods, spdlog::logger& log);

// Ends the connections of each pod that is removed during the lifetime of the result.
Result<std::unique_ptr<PodWatch>> end_connections_of_removed_pods(os::EventLoop& loop, MappingTable& table,
                                                                  spdlog::logger& log);

}  // namespace masq::agent
