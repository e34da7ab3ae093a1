// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "agent/sources/source_set.hpp"
#include "base/result.hpp"
#include "datapath/datapath.hpp"
#include "kubernetes/access.hpp"
#include "kubernetes/api.hpp"
#include "model/config.hpp"
#include "os/event_loop.hpp"

namespace masq::agent {

// The environment of the node's sources.
struct SourceContext {
  os::EventLoop& loop;
  std::function<void()> changed;           // called when a fact may have changed
  std::shared_ptr<kubernetes::Api> api{};  // null: Kubernetes is not used
  std::string node_name{};                 // in Kubernetes
  // The rules that are in force already. They stay in force if the ip-masq-agent's first file is rejected.
  std::vector<IpMasqEntry> applied{};
};

// Returns null if the options do not want Kubernetes.
std::shared_ptr<kubernetes::Api> open_kubernetes_api(os::EventLoop& loop, const Config& config,
                                                     const kubernetes::Environment& environment);

// Requests to this API, which they keep alive.
kubernetes::StartRequest requests_to(std::shared_ptr<kubernetes::Api> api);
// Many agents lose the API, or hear news, at the same moment. Their requests are spread over time.
kubernetes::Random random_number();

// Adds every source that the configuration requests.
Result<void> add_node_sources(SourceSet& sources, const Config& config, const SourceContext& context);

// Replaces the source of the ip-masq-agent's rules by the one that the configuration requests, if any.
Result<void> replace_ip_masq_agent(SourceSet& sources, const Config& config, const SourceContext& context);

}  // namespace masq::agent
