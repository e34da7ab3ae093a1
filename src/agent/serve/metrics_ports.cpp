// SPDX-License-Identifier: Apache-2.0
#include "agent/serve/metrics_ports.hpp"

#include <fmt/format.h>

#include <expected>
#include <string>
#include <utility>
#include <vector>

#include "model/finding.hpp"
#include "os/event_loop.hpp"
#include "os/tcp_socket.hpp"

namespace masq::agent {

std::vector<Finding> ListenErrors::findings() const {
  std::vector<Finding> found;
  for (const auto& [address, error] : errors_)
    found.push_back({FindingKind::metrics_address, fmt::format("prometheus-serve-addr: {}", error)});
  return found;
}

MetricsPorts::MetricsPorts(os::EventLoop& loop, std::vector<std::string> addresses, Serve serve, ListenErrors& errors,
                           spdlog::logger& log)
    : closed_(std::move(addresses)), serve_(std::move(serve)), errors_(errors), log_(log), retry_(loop) {}

void MetricsPorts::open() {
  std::erase_if(closed_, [this](const std::string& address) { return open(address); });
  if (!closed_.empty()) retry_.start(retry, [this] { open(); });
}

bool MetricsPorts::open(const std::string& address) {
  auto listener = os::listen_on_tcp(address);
  auto server = listener ? serve_(*std::move(listener)) : std::unexpected(listener.error());
  if (!server) {
    errors_.set(address, server.error().message);
    return false;
  }
  servers_.push_back(*std::move(server));
  errors_.clear(address);
  log_.info("metrics are served at {}", address);
  return true;
}

}  // namespace masq::agent
