// SPDX-License-Identifier: Apache-2.0
#include "agent/serve/servers.hpp"

#include <unistd.h>

#include <cstddef>
#include <expected>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "agent/serve/agent_state.hpp"
#include "agent/serve/metrics_ports.hpp"
#include "agent/serve/rationed_pages.hpp"
#include "agent/serve/routes.hpp"
#include "base/result.hpp"
#include "model/config.hpp"
#include "os/event_loop.hpp"
#include "os/fd.hpp"
#include "os/http_server.hpp"
#include "os/unix_socket.hpp"

namespace masq::agent {
namespace {

Result<std::unique_ptr<os::HttpServer>> serve_api(os::EventLoop& loop, const std::string& path,
                                                  const AgentParts& agent) {
  auto listener = os::listen_at(path);
  if (!listener) return fail_with("socket-path", listener.error());
  return os::HttpServer::open(loop, std::move(*listener),
                              [agent](std::string_view target) { return answer_api(agent, target); });
}

// In a flood, a client has the time until so many others have connected to send its request: some milliseconds.
constexpr std::size_t public_connections = 256;

// Any client that reaches the port may connect. Silent clients must not block Prometheus.
Result<std::unique_ptr<os::HttpServer>> serve_metrics(os::EventLoop& loop, os::Fd listener, const AgentParts& agent) {
  return os::HttpServer::open(
      loop, std::move(listener),
      [pages = std::make_shared<RationedPages>(agent.timers,
                                               [agent](std::string_view path) { return answer_metrics(agent, path); })](
          std::string_view target) { return pages->get(target.substr(0, target.find('?'))); },
      {.connections = public_connections, .busiest_gives_way = true});
}

}  // namespace

Result<Servers> Servers::open(os::EventLoop& loop, const Config& config, const AgentParts& agent, ListenErrors& errors,
                              spdlog::logger& log) {
  TRY(auto api, serve_api(loop, config.socket_path, agent));
  Servers servers(config.socket_path, std::move(api));
  const auto serve = [&loop, agent](os::Fd listener) { return serve_metrics(loop, std::move(listener), agent); };
  servers.metrics_ = std::make_unique<MetricsPorts>(loop, config.prometheus_serve_addr, serve, errors, log);
  servers.metrics_->open();
  return servers;
}

Servers::~Servers() {
  if (api_) unlink(socket_path_.c_str());
}

}  // namespace masq::agent
