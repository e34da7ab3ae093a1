// SPDX-License-Identifier: Apache-2.0
#include "agent/agent.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <expected>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "agent/datapath_choice.hpp"
#include "agent/lifecycle/pod_watch.hpp"
#include "agent/logging.hpp"
#include "agent/node_locks.hpp"
#include "agent/serve/explain_reply.hpp"
#include "agent/serve/metrics.hpp"
#include "agent/serve/status.hpp"
#include "agent/sources/node_sources.hpp"
#include "agent/sources/source_set.hpp"
#include "base/address.hpp"
#include "base/result.hpp"
#include "datapath/backends.hpp"
#include "model/config.hpp"
#include "model/desired_json.hpp"
#include "model/options/options.hpp"
#include "model/reverse_path.hpp"
#include "os/event_loop.hpp"
#include "os/http_server.hpp"
#include "os/mount.hpp"
#include "os/process_usage.hpp"
#include "os/service_notify.hpp"
#include "os/tcp_socket.hpp"
#include "os/unix_socket.hpp"

namespace masq {
namespace {

Result<NodeLocks> prepare_node(const Config& config) {
  auto locks = NodeLocks::take(config);
  if (!locks) return locks;
  auto mounted = is_bpffs(config.bpf_root);
  if (!mounted) return fail_with("bpf-root", mounted.error());
  if (*mounted)
    if (auto locked = locks->lock_bpf_root(config.bpf_root); !locked) return std::unexpected(locked.error());
  return locks;
}

// Only the bpf datapath needs a bpffs; the others mount none.
Result<void> prepare_bpf_root(const Config& config, NodeLocks& locks) {
  if (auto made = make_bpffs(config.bpf_root); !made) return fail_with("bpf-root", made.error());
  return locks.lock_bpf_root(config.bpf_root);
}

HttpReply json_reply(const nlohmann::ordered_json& document, int status = 200) {
  return {.status = status,
          .type = "application/json",
          .body = document.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace)};
}

HttpReply json_error(int status, std::string_view why) {
  return json_reply({{"error", why}}, status);
}

}  // namespace

Agent::Agent(Config config, Reload reload, spdlog::logger& log, std::unique_ptr<EventLoop> loop, NodeLocks locks,
             DatapathChoice choice)
    : config_(std::move(config)),
      reload_(std::move(reload)),
      log_(log),
      loop_(std::move(loop)),
      locks_(std::move(locks)),
      choice_(std::move(choice)),
      sources_(log),
      reconciler_(*loop_, sources_, *choice_.datapath, log, config_),
      events_(*loop_, [root = config_.bpf_root](const auto& types) { return open_event_source(root, types); }),
      started_at_(loop_->now()),
      options_read_at_(started_at_) {}

Agent::~Agent() {
  if (server_) unlink(config_.socket_path.c_str());  // this process owns the socket while it holds the lock
}

Result<std::unique_ptr<Agent>> Agent::open(const Config& config, Reload reload, spdlog::logger& log) {
  auto loop = EventLoop::open();
  if (!loop) return std::unexpected(loop.error());
  auto locks = prepare_node(config);
  if (!locks) return std::unexpected(locks.error());
  auto choice = choose_datapath(config);
  if (!choice) return std::unexpected(choice.error());
  if (choice->kind == DatapathKind::bpf)
    if (auto done = prepare_bpf_root(config, *locks); !done) return std::unexpected(done.error());
  std::unique_ptr<Agent> agent(
      new Agent(config, std::move(reload), log, std::move(*loop), std::move(*locks), std::move(*choice)));
  if (auto done = agent->locks_.serve_lock_owner(*agent->loop_); !done) return std::unexpected(done.error());
  TRY_DO(add_node_sources(agent->sources_, config, agent->source_context()));
  auto pod_watch = PodWatch::open(*agent->loop_, [raw = agent.get()](const auto& pods) { raw->pods_are_gone(pods); });
  if (!pod_watch) return std::unexpected(pod_watch.error());
  agent->pod_watch_ = std::move(*pod_watch);
  if (auto done = agent->serve(); !done) return std::unexpected(done.error());
  if (auto done = agent->serve_metrics(); !done) return std::unexpected(done.error());
  return agent;
}

// If the file is rejected at the start, the exclusions of the last agent stay in force.
SourceContext Agent::source_context() {
  return {.loop = *loop_,
          .changed = [this] { reconciler_.request_reconcile(); },
          .applied = choice_.datapath->ip_masq().value_or(std::vector<IpMasqEntry>())};
}

Result<void> Agent::serve() {
  auto listener = listen_at(config_.socket_path);
  if (!listener) return fail_with("socket-path", listener.error());
  auto server =
      HttpServer::open(*loop_, std::move(*listener), [this](std::string_view target) { return answer(target); });
  if (!server) return std::unexpected(server.error());
  server_ = std::move(*server);
  return {};
}

Result<void> Agent::serve_metrics() {
  if (config_.prometheus_serve_addr.empty()) return {};
  auto listener = listen_on_tcp(config_.prometheus_serve_addr);
  if (!listener) return fail_with("prometheus-serve-addr", listener.error());
  // Any client that reaches the port may connect. Silent clients must not block Prometheus.
  auto server =
      HttpServer::open(*loop_, std::move(*listener), [this](std::string_view target) { return answer_metrics(target); },
                       {.busiest_gives_way = true});
  if (!server) return std::unexpected(server.error());
  metrics_server_ = std::move(*server);
  log_.info("metrics are served at {}", config_.prometheus_serve_addr);
  return {};
}

Result<void> Agent::run(const std::string& notify_socket) {
  auto signals = loop_->on_signals({SIGTERM, SIGINT, SIGHUP}, [this](int signal) { on_signal(signal); });
  if (!signals) return signals;
  log_.info("masqd {} starts: {} ({})", MASQ_VERSION, choice_.datapath->name(), choice_.reason);
  if (auto watched = choice_.datapath->watch(*loop_, [this] { reconciler_.request_repair(); }); !watched)
    log_.warn("{}: changes by other processes are found at the next resync only", watched.error().message);
  if (const auto externals = choice_.datapath->table().external_addresses()) reconciler_.remember(*externals);
  reconciler_.start();
  if (auto notified = notify_service_manager(notify_socket, "READY=1"); !notified)
    log_.warn("{}", notified.error().message);
  return loop_->run();
}

void Agent::pods_are_gone(const std::vector<Address>& pods) {
  const auto ended = choice_.datapath->table().quarantine(pods);
  if (!ended) return log_.debug("connections of removed pods: {}", ended.error().message);
  if (ended->mappings + ended->left_alone != 0)
    log_.info("quarantined {} mappings of removed pods, cleared {} bypassed connections", ended->mappings,
              ended->left_alone);
}

void Agent::on_signal(int signal) {
  if (signal == SIGHUP) return reload();
  log_.info("masqd exits; masquerading continues");
  loop_->stop();
}

void Agent::reload() {
  auto loaded = reload_();
  if (!loaded) {
    config_error_ = loaded.error().message;
    return log_.error("reload: {}: the previous options stay in force", config_error_);
  }
  config_error_.clear();
  options_read_at_ = loop_->now();
  std::vector<std::string_view> kept;
  const auto before = std::exchange(config_, with_fixed_options(config_, std::move(*loaded), kept));
  for (const auto key : kept) log_.warn("{}: the new value needs a restart of masqd", key);
  log_.set_level(to_spdlog(config_.log_level));
  const bool same_file = before.enable_ip_masq_agent == config_.enable_ip_masq_agent &&
                         before.ip_masq_agent_config_path == config_.ip_masq_agent_config_path;
  if (!same_file)
    if (auto replaced = replace_ip_masq_agent(sources_, config_, source_context()); !replaced)
      log_.error("ip-masq-agent: {}", replaced.error().message);
  log_.info("reload: all sources are read again");
  sources_.wake();
  reconciler_.configure(config_);
}

std::vector<std::string> Agent::datapath_notes() {
  auto notes = choice_.datapath->notes();
  for (const auto key : options_without_effect(config_, choice_.kind))
    notes.push_back(
        fmt::format("{}: no effect with the {} datapath: conntrack decides", key, choice_.datapath->name()));
  if (const auto& applied = reconciler_.state().applied)
    for (auto& note : notes_on_reverse_path(*applied, sources_.node())) notes.push_back(std::move(note));
  return notes;
}

AgentState Agent::state() {
  const auto now = loop_->now();
  return {.version = MASQ_VERSION,
          .uptime = std::chrono::duration_cast<std::chrono::seconds>(now - started_at_),
          .now = now,
          .datapath = choice_.datapath->name(),
          .datapath_reason = choice_.reason,
          .options_read_at = options_read_at_,
          .config_error = config_error_,
          .sources = sources_.states(),
          .reconciler = reconciler_.state(),
          .counters = choice_.datapath->table().counters(),
          .datapath_notes = datapath_notes()};
}

HttpReply Agent::answer(std::string_view target) {
  const auto path = target.substr(0, target.find('?'));
  if (path == "/v1/status") return json_reply(render_status(state()));
  if (path == "/v1/desired" || path == "/v1/explain") return answer_by_desired(target);
  if (path == "/v1/events") return answer_events(target);
  if (path != "/v1/healthz") return {.status = 404, .body = "not found\n"};
  const auto found = problems(state());
  if (found.empty()) return {.status = 200, .body = "OK\n"};
  return {.status = 503, .body = found.front() + "\n"};
}

HttpReply Agent::answer_by_desired(std::string_view target) const {
  const auto& applied = reconciler_.state().applied;
  if (!applied) return json_error(503, "nothing is applied yet");
  if (!target.starts_with("/v1/explain")) return json_reply(desired_to_json(*applied));
  const auto question = parse_question(target);
  return question ? json_reply(answer_question(*applied, *question)) : json_error(400, question.error().message);
}

HttpReply Agent::answer_events(std::string_view target) {
  auto types = parse_event_types(target);
  if (!types) return json_error(400, types.error().message);
  if (auto ready = events_.prepare(*types); !ready) return json_error(503, ready.error().message);
  return {.type = "application/x-ndjson", .body = {}, .stream = [this, types = std::move(*types)](Fd connection) {
            events_.add(std::move(connection), types);
          }};
}

HttpReply Agent::answer_metrics(std::string_view target) {
  if (target.substr(0, target.find('?')) != "/metrics")
    return {.status = 404, .body = "not found: only /metrics is served\n"};
  return {.type = metrics_content_type,
          .body = render_metrics(
              {.agent = state(), .process = read_process_usage(), .wall_clock = std::chrono::system_clock::now()})};
}

}  // namespace masq
