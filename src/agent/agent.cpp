// SPDX-License-Identifier: Apache-2.0
#include "agent/agent.hpp"

#include <unistd.h>

#include <chrono>
#include <csignal>
#include <expected>
#include <memory>
#include <string>
#include <utility>

#include "agent/datapath_choice.hpp"
#include "agent/lifecycle/pod_removal.hpp"
#include "agent/node_locks.hpp"
#include "agent/options_reload.hpp"
#include "agent/privileges.hpp"
#include "agent/serve/servers.hpp"
#include "agent/sources/config_directory.hpp"
#include "agent/sources/config_directory_watch.hpp"
#include "agent/sources/config_sources.hpp"
#include "agent/sources/kubernetes_options.hpp"
#include "agent/sources/node_sources.hpp"
#include "agent/sources/source.hpp"
#include "base/result.hpp"
#include "datapath/backends.hpp"
#include "model/config.hpp"
#include "model/finding.hpp"
#include "os/event_loop.hpp"
#include "os/system_call_filter.hpp"

namespace masq::agent {
namespace {

constexpr auto look_for_first_apply = std::chrono::seconds(1);

}  // namespace

Agent::Agent(const LoadedConfig& loaded, OptionsReload::ReadOptions read_options, spdlog::logger& log,
             std::unique_ptr<os::EventLoop> loop, NodeLocks locks, DatapathChoice choice)
    : log_(log),
      loop_(std::move(loop)),
      locks_(std::move(locks)),
      choice_(std::move(choice)),
      tables_(open_mapping_tables(loaded.config.bpf_root)),
      api_(open_kubernetes_api(*loop_, loaded.config, read_environment(environ))),
      options_(*loop_, loaded.config, loaded.given),
      sources_(log),
      reconciler_(*loop_, sources_, *choice_.datapath, log, loaded.config),
      reload_(std::move(read_options), {.options = options_,
                                        .sources = sources_,
                                        .tables = *tables_,
                                        .reconciler = reconciler_,
                                        .log = log,
                                        .context = source_context()}),
      events_(*loop_, *loop_,
              [root = loaded.config.bpf_root](const auto& types) { return open_event_source(root, types); }),
      first_apply_(*loop_) {}

Result<std::unique_ptr<Agent>> Agent::open(const LoadedConfig& loaded, OptionsReload::ReadOptions read_options,
                                           spdlog::logger& log) {
  const auto& config = loaded.config;
  TRY(auto loop, os::EventLoop::open());
  TRY(auto locks, lock_node(config));
  TRY(auto choice, choose_datapath(config));
  // Only the bpf datapath needs a bpffs; the others mount none.
  if (choice.kind == DatapathKind::bpf) TRY_DO(mount_bpf_root(config, locks));
  std::unique_ptr<Agent> agent(
      new Agent(loaded, std::move(read_options), log, std::move(loop), std::move(locks), std::move(choice)));
  TRY_DO(agent->start_parts(config));
  return agent;
}

SourceContext Agent::source_context() {
  return {.loop = *loop_,
          .changed = [this] { reconciler_.request_reconcile(); },
          .api = api_,
          .node_name = kubernetes_node_name(options_.value(), read_environment(environ))};
}

Result<void> Agent::start_parts(const Config& config) {
  TRY_DO(locks_.serve_lock_owner(*loop_));
  if (api_) report_configuration();
  auto context = source_context();
  context.applied = applied_ip_masq(*tables_);
  TRY_DO(add_node_sources(sources_, config, context));
  TRY(pod_watch_, end_connections_of_removed_pods(*loop_, choice_.datapath->table(), log_));
  TRY(auto servers, Servers::open(*loop_, config,
                                  {.timers = *loop_,
                                   .started_at = loop_->now(),
                                   .choice = choice_,
                                   .options = options_,
                                   .sources = sources_,
                                   .api = api_.get(),
                                   .reconciler = reconciler_,
                                   .internal_errors = internal_errors_,
                                   .listen_errors = listen_errors_,
                                   .events = events_},
                                  listen_errors_, log_));
  servers_.emplace(std::move(servers));
  return {};
}

Result<void> Agent::watch_options(const std::string& directory, const ConfigDirectory& loaded) {
  TRY(directory_watch_, ConfigDirectoryWatch::open(*loop_, directory, loaded, [this] { reload_.run(); }));
  return {};
}

void Agent::report_configuration() {
  configuration_report_.emplace(*loop_, kubernetes_node_name(options_.value(), read_environment(environ)),
                                requests_to(api_), random_number(), log_);
  sources_.on_error_change([this](const Source::State& state) {
    const bool is_accepted = state.error.empty();
    if (state.name == ip_masq_agent_source_name && (is_accepted || state.kind == FindingKind::configuration))
      configuration_report_->update(state.error);
  });
}

Result<void> Agent::run(const std::string& notify_socket) {
  service_.emplace(notify_socket, *loop_, log_);
  TRY_DO(loop_->on_signals({SIGTERM, SIGINT, SIGHUP}, [this](int signal) { on_signal(signal); }));
  log_.info("masqd {} starts: {} ({})", MASQ_VERSION, choice_.datapath->name(), choice_.reason);
  if (auto watched = choice_.datapath->watch(*loop_, [this] { reconciler_.request_repair(); }); !watched)
    log_.warn("{}: changes by other processes are found at the next resync only", watched.error().message);
  if (const auto externals = choice_.datapath->table().external_addresses()) reconciler_.remember(*externals);
  reconciler_.start();
  TRY_DO(give_up_privileges());
  loop_->on_exception([this](const auto& what) { on_exception(what); });
  reconciler_.on_pass([this] { report_to_service_manager(); });
  report_to_service_manager();
  return loop_->run();
}

// Before the first apply another datapath may have to give its connections to this one. A kernel without seccomp is no
// reason not to start.
Result<void> Agent::give_up_privileges() {
  const bool is_alone = reconciler_.state().applied.has_value();
  if (!is_alone) first_apply_.start(look_for_first_apply, [this] { give_up_change_of_datapath(); });
  TRY_DO(reduce_privileges(is_alone ? choice_.needs : needs_of_any_datapath()));
  if (auto filtered = os::filter_system_calls(); !filtered)
    log_.warn("{}: system calls are not filtered", filtered.error().message);
  return {};
}

void Agent::give_up_change_of_datapath() {
  if (!reconciler_.state().applied)
    return first_apply_.start(look_for_first_apply, [this] { give_up_change_of_datapath(); });
  if (auto reduced = keep_capabilities(choice_.needs); !reduced) log_.error("{}", reduced.error().message);
}

void Agent::on_exception(const std::string& what) {
  if (internal_errors_.record(what, loop_->now())) log_.error("internal error: {}", what);
}

// The options may be refused, and then change nothing; the next pass ends the reload for the service manager.
void Agent::reload() {
  service_->reload_begins();
  if (directory_watch_) directory_watch_->accept();
  reload_.run();
  reconciler_.request_reconcile();
}

void Agent::report_to_service_manager() {
  service_->pass_ended(reconciler_.state().applied.has_value());
}

void Agent::on_signal(int signal) {
  if (signal == SIGHUP) return reload();
  service_->stops();
  log_.info("masqd exits; masquerading continues");
  loop_->stop();
}

}  // namespace masq::agent
