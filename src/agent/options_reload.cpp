// SPDX-License-Identifier: Apache-2.0
#include "agent/options_reload.hpp"

#include <expected>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "agent/logging.hpp"
#include "agent/sources/config_sources.hpp"
#include "agent/sources/node_sources.hpp"
#include "base/result.hpp"
#include "datapath/mapping_table.hpp"
#include "model/config.hpp"
#include "model/options/options.hpp"

namespace masq::agent {
namespace {

// Makes `loaded` say of an option what `running` says.
void keep_given(const GivenValues& running, std::string_view key, GivenValues& loaded) {
  loaded.erase(std::string(key));
  if (const auto kept = running.find(key); kept != running.end()) loaded.insert(*kept);
}

}  // namespace

std::vector<IpMasqEntry> applied_ip_masq(MappingTable& tables) {
  return tables.ip_masq().value_or(std::vector<IpMasqEntry>());
}

void OptionsReload::run() {
  auto loaded = read_options_();
  if (!loaded) {
    agent_.options.fail(loaded.error());
    return agent_.log.error("reload: {}: the previous options stay in force", loaded.error().message);
  }
  const auto before = agent_.options.value();
  replace_options(std::move(*loaded));
  follow_ip_masq_agent(before);
  agent_.log.info("reload: all sources are read again");
  agent_.sources.wake();
  agent_.reconciler.configure(agent_.options.value());
}

void OptionsReload::replace_options(LoadedConfig loaded) {
  std::vector<std::string_view> kept;
  auto config = with_fixed_options(agent_.options.value(), std::move(loaded.config), kept);
  GivenValues after_restart;
  for (const auto key : kept) {
    agent_.log.warn("{}: the new value needs a restart of masqd", key);
    after_restart.emplace(key, given_value(loaded.given, *find_option(key)));
    keep_given(agent_.options.given(), key, loaded.given);
  }
  agent_.options.replace(std::move(config), std::move(loaded.given), std::move(after_restart));
  agent_.log.set_level(to_spdlog(agent_.options.value().log_level));
}

// A running masqd cannot read the kernel's rules: that needs CAP_SYS_ADMIN.
std::vector<IpMasqEntry> OptionsReload::ip_masq_in_force() const {
  const auto& applied = agent_.reconciler.state().applied;
  if (!applied) return applied_ip_masq(agent_.tables);
  return ip_masq_of(*applied);
}

void OptionsReload::follow_ip_masq_agent(const Config& before) {
  const auto& config = agent_.options.value();
  if (before.enable_ip_masq_agent == config.enable_ip_masq_agent &&
      before.ip_masq_agent_config_path == config.ip_masq_agent_config_path &&
      before.ip_masq_agent_config_map == config.ip_masq_agent_config_map)
    return;
  auto context = agent_.context;
  context.applied = ip_masq_in_force();
  const auto replaced = replace_ip_masq_agent(agent_.sources, config, context);
  if (!replaced) agent_.log.error("ip-masq-agent: {}", replaced.error().message);
}

}  // namespace masq::agent
