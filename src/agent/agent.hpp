// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <spdlog/logger.h>

#include <functional>
#include <memory>
#include <string>

#include "agent/datapath_choice.hpp"
#include "agent/export/event_hub.hpp"
#include "agent/lifecycle/pod_watch.hpp"
#include "agent/node_locks.hpp"
#include "agent/reconciler.hpp"
#include "agent/serve/status.hpp"
#include "agent/sources/node_sources.hpp"
#include "agent/sources/source_set.hpp"
#include "base/result.hpp"
#include "model/config.hpp"
#include "os/event_loop.hpp"
#include "os/http_server.hpp"

namespace masq {

// The daemon: sources, reconciler and API around one event loop.
class Agent {
 public:
  using Reload = std::function<Result<Config>()>;

  // Takes the locks of this node; changes nothing in the kernel yet.
  static Result<std::unique_ptr<Agent>> open(const Config& config, Reload reload, spdlog::logger& log);
  ~Agent();

  // Applies the desired state, and maintains it until SIGTERM or SIGINT. Masquerading continues afterwards.
  Result<void> run(const std::string& notify_socket);

  AgentState state();

 private:
  Agent(Config config, Reload reload, spdlog::logger& log, std::unique_ptr<EventLoop> loop, NodeLocks locks,
        DatapathChoice choice);
  SourceContext source_context();
  Result<void> serve();
  Result<void> serve_metrics();
  void pods_are_gone(const std::vector<Address>& pods);
  void on_signal(int signal);
  void reload();
  std::vector<std::string> datapath_notes();
  HttpReply answer(std::string_view target);
  HttpReply answer_by_desired(std::string_view target) const;
  HttpReply answer_events(std::string_view target);
  HttpReply answer_metrics(std::string_view target);

  Config config_;
  Reload reload_;
  spdlog::logger& log_;
  std::unique_ptr<EventLoop> loop_;
  NodeLocks locks_;
  DatapathChoice choice_;
  SourceSet sources_;
  Reconciler reconciler_;
  std::unique_ptr<PodWatch> pod_watch_;
  EventHub events_;
  std::unique_ptr<HttpServer> server_;
  std::unique_ptr<HttpServer> metrics_server_;  // null: metrics are off
  Timers::Clock::time_point started_at_;
  Timers::Clock::time_point options_read_at_;
  std::string config_error_;
};

}  // namespace masq
