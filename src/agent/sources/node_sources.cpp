// SPDX-License-Identifier: Apache-2.0
#include "agent/sources/node_sources.hpp"

#include <memory>
#include <random>
#include <utility>

#include "agent/sources/cni_source.hpp"
#include "agent/sources/config_map_source.hpp"
#include "agent/sources/ip_masq_agent_source.hpp"
#include "agent/sources/kept_state.hpp"
#include "agent/sources/kubernetes_options.hpp"
#include "agent/sources/kubernetes_source.hpp"
#include "agent/sources/memory_source.hpp"
#include "agent/sources/netlink_source.hpp"
#include "agent/sources/source.hpp"
#include "agent/sources/source_set.hpp"
#include "agent/sources/sysctl_source.hpp"
#include "base/result.hpp"
#include "kubernetes/access.hpp"
#include "kubernetes/api.hpp"
#include "kubernetes/http_client.hpp"
#include "model/config.hpp"
#include "os/event_loop.hpp"

namespace masq::agent {
namespace {

std::unique_ptr<Source> kubernetes_source(const Config& config, const SourceContext& context) {
  auto source = std::make_unique<KubernetesSource>(context.loop,
                                                   KubernetesSource::Parts{.node_name = context.node_name,
                                                                           .state = KeptState(config.state_dir),
                                                                           .start_request = requests_to(context.api),
                                                                           .random = random_number()},
                                                   context.changed);
  source->start();
  return source;
}

std::unique_ptr<Source> config_map_source(const Config& config, const SourceContext& context) {
  auto source = std::make_unique<ConfigMapSource>(context.loop,
                                                  ConfigMapSource::Parts{.config_map = config.ip_masq_agent_config_map,
                                                                         .state = KeptState(config.state_dir),
                                                                         .start_request = requests_to(context.api),
                                                                         .random = random_number()},
                                                  context.changed);
  if (!context.applied.empty()) source->seed(context.applied);
  source->start();
  return source;
}

}  // namespace

std::shared_ptr<kubernetes::Api> open_kubernetes_api(os::EventLoop& loop, const Config& config,
                                                     const kubernetes::Environment& environment) {
  if (!uses_kubernetes(config, environment)) return nullptr;
  return std::make_shared<kubernetes::Api>(loop,
                                           [config, environment] { return kubernetes_access(config, environment); });
}

kubernetes::StartRequest requests_to(std::shared_ptr<kubernetes::Api> api) {
  return [api = std::move(api)](const kubernetes::ApiRequest& request, kubernetes::HttpHandlers handlers) {
    return api->start(request, std::move(handlers));
  };
}

kubernetes::Random random_number() {
  return [generator = std::minstd_rand(std::random_device()())]() mutable {
    return std::uniform_real_distribution<>(0, 1)(generator);
  };
}

Result<void> add_node_sources(SourceSet& sources, const Config& config, const SourceContext& context) {
  TRY(auto netlink, NetlinkSource::open(context.loop, context.changed));
  sources.add(std::move(netlink));
  sources.add(std::make_unique<SysctlSource>(context.loop));
  sources.add(std::make_unique<MemorySource>(context.loop));
  TRY(auto cni, CniSource::open(context.loop, "/etc/cni/net.d", context.changed));
  sources.add(std::move(cni));
  if (context.api) sources.add(kubernetes_source(config, context));
  return replace_ip_masq_agent(sources, config, context);
}

Result<void> replace_ip_masq_agent(SourceSet& sources, const Config& config, const SourceContext& context) {
  sources.remove(ip_masq_agent_source_name);
  if (!config.enable_ip_masq_agent) return {};
  if (context.api && !config.ip_masq_agent_config_map.empty()) {
    sources.add(config_map_source(config, context));
    return {};
  }
  TRY(auto source, IpMasqAgentSource::open(context.loop, config.ip_masq_agent_config_path, context.changed));
  if (!context.applied.empty()) source->seed(context.applied);
  sources.add(std::move(source));
  return {};
}

}  // namespace masq::agent
