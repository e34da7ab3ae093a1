// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <spdlog/logger.h>

#include <memory>
#include <string>

#include "agent/serve/agent_state.hpp"
#include "agent/serve/metrics_ports.hpp"
#include "base/result.hpp"
#include "model/config.hpp"
#include "os/event_loop.hpp"
#include "os/http_server.hpp"

namespace masq::agent {

// The API on the unix socket, and the metrics on TCP if they are configured. The caller holds the lock of the socket's
// path. The destructor removes the socket.
class Servers {
 public:
  // Fails if the socket cannot be used. An address for the metrics that cannot be used yet is in `errors`.
  static Result<Servers> open(os::EventLoop& loop, const Config& config, const AgentParts& agent, ListenErrors& errors,
                              spdlog::logger& log);
  Servers(Servers&& other) noexcept = default;
  ~Servers();

 private:
  Servers(std::string socket_path, std::unique_ptr<os::HttpServer> api)
      : socket_path_(std::move(socket_path)), api_(std::move(api)) {}

  std::string socket_path_;
  std::unique_ptr<os::HttpServer> api_;  // null: moved from
  std::unique_ptr<MetricsPorts> metrics_;
};

}  // namespace masq::agent
