// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <spdlog/logger.h>

#include <memory>
#include <optional>
#include <string>

#include "agent/datapath_choice.hpp"
#include "agent/export/configuration_report.hpp"
#include "agent/export/event_hub.hpp"
#include "agent/lifecycle/pod_watch.hpp"
#include "agent/lifecycle/service_state.hpp"
#include "agent/node_locks.hpp"
#include "agent/options_reload.hpp"
#include "agent/reconciler.hpp"
#include "agent/serve/internal_errors.hpp"
#include "agent/serve/metrics_ports.hpp"
#include "agent/serve/servers.hpp"
#include "agent/sources/config_directory.hpp"
#include "agent/sources/config_directory_watch.hpp"
#include "agent/sources/config_sources.hpp"
#include "agent/sources/node_sources.hpp"
#include "agent/sources/options_source.hpp"
#include "agent/sources/source_set.hpp"
#include "base/result.hpp"
#include "datapath/mapping_table.hpp"
#include "kubernetes/api.hpp"
#include "model/config.hpp"
#include "os/event_loop.hpp"
#include "os/timers.hpp"

namespace masq::agent {

// The daemon: sources, reconciler and API around one event loop.
class Agent {
 public:
  // Takes the locks of this node; changes nothing in the kernel yet.
  static Result<std::unique_ptr<Agent>> open(const LoadedConfig& loaded, OptionsReload::ReadOptions read_options,
                                             spdlog::logger& log);

  // Reads the options again when this directory of --config-dir changes; `loaded` is its content that is in force.
  Result<void> watch_options(const std::string& directory, const ConfigDirectory& loaded);

  // Applies the desired state, and maintains it until SIGTERM or SIGINT. Masquerading continues afterwards.
  // `notify_socket`: $NOTIFY_SOCKET; empty: none.
  Result<void> run(const std::string& notify_socket);

 private:
  Agent(const LoadedConfig& loaded, OptionsReload::ReadOptions read_options, spdlog::logger& log,
        std::unique_ptr<os::EventLoop> loop, NodeLocks locks, DatapathChoice choice);
  Result<void> start_parts(const Config& config);
  SourceContext source_context();
  void report_to_service_manager();
  void on_signal(int signal);
  void reload();
  void on_exception(const std::string& what);
  void report_configuration();
  Result<void> give_up_privileges();
  void give_up_change_of_datapath();

  spdlog::logger& log_;
  std::unique_ptr<os::EventLoop> loop_;
  NodeLocks locks_;
  DatapathChoice choice_;
  std::unique_ptr<MappingTable> tables_;  // of every datapath in the kernel
  std::shared_ptr<kubernetes::Api> api_;  // null: Kubernetes is not used
  OptionsSource options_;
  std::optional<ConfigurationReport> configuration_report_;  // absent: Kubernetes is not used
  SourceSet sources_;
  Reconciler reconciler_;
  OptionsReload reload_;
  std::unique_ptr<ConfigDirectoryWatch> directory_watch_;  // null: no --config-dir
  std::optional<ServiceState> service_;
  EventHub events_;
  InternalErrors internal_errors_;
  ListenErrors listen_errors_;
  os::Timer first_apply_;
  std::unique_ptr<PodWatch> pod_watch_;
  std::optional<Servers> servers_;  // it ends first: while the socket exists, its lock is held
};

}  // namespace masq::agent
