// SPDX-License-Identifier: Apache-2.0
#include "agent/sources/node_sources.hpp"

#include <memory>
#include <utility>

#include "agent/sources/cni_source.hpp"
#include "agent/sources/ip_masq_agent_source.hpp"
#include "agent/sources/netlink_source.hpp"
#include "agent/sources/source.hpp"
#include "agent/sources/source_set.hpp"
#include "agent/sources/sysctl_source.hpp"
#include "base/result.hpp"
#include "model/config.hpp"

namespace masq::agent {

Result<void> add_node_sources(SourceSet& sources, const Config& config, const SourceContext& context) {
  TRY(auto netlink, NetlinkSource::open(context.loop, context.changed));
  sources.add(std::move(netlink));
  sources.add(std::make_unique<SysctlSource>(context.loop));
  TRY(auto cni, CniSource::open(context.loop, "/etc/cni/net.d", context.changed));
  sources.add(std::move(cni));
  return replace_ip_masq_agent(sources, config, context);
}

Result<void> replace_ip_masq_agent(SourceSet& sources, const Config& config, const SourceContext& context) {
  sources.remove(ip_masq_agent_source_name);
  if (!config.enable_ip_masq_agent) return {};
  TRY(auto source, IpMasqAgentSource::open(context.loop, config.ip_masq_agent_config_path, context.changed));
  if (!context.applied.empty()) source->seed(context.applied);
  sources.add(std::move(source));
  return {};
}

}  // namespace masq::agent
