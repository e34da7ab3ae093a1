// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <spdlog/logger.h>

#include <functional>
#include <vector>

#include "agent/reconciler.hpp"
#include "agent/sources/config_sources.hpp"
#include "agent/sources/node_sources.hpp"
#include "agent/sources/options_source.hpp"
#include "agent/sources/source_set.hpp"
#include "base/result.hpp"
#include "datapath/mapping_table.hpp"
#include "model/config.hpp"

namespace masq::agent {

// Returns the rules of the ip-masq-agent that are in force already, also from an earlier process; empty: none or
// unknown. The set of an earlier datapath counts too.
std::vector<IpMasqEntry> applied_ip_masq(MappingTable& tables);

// Reads the options again. If they are wrong, the previous ones stay in force. An option that needs a restart keeps its
// value, and a warning names it.
class OptionsReload {
 public:
  using ReadOptions = std::function<Result<LoadedConfig>()>;
  // The objects that follow the options.
  struct Parts {
    OptionsSource& options;
    SourceSet& sources;
    MappingTable& tables;  // of every datapath in the kernel
    Reconciler& reconciler;
    spdlog::logger& log;
    SourceContext context;  // of the sources that a change of the options replaces
  };

  OptionsReload(ReadOptions read_options, Parts agent)
      : read_options_(std::move(read_options)), agent_(std::move(agent)) {}

  void run();

 private:
  void replace_options(LoadedConfig loaded);
  void follow_ip_masq_agent(const Config& before);
  std::vector<IpMasqEntry> ip_masq_in_force() const;

  ReadOptions read_options_;
  Parts agent_;
};

}  // namespace masq::agent
