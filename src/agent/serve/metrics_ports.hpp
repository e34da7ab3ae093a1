// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <spdlog/logger.h>

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "model/finding.hpp"
#include "os/event_loop.hpp"
#include "os/fd.hpp"
#include "os/http_server.hpp"
#include "os/timers.hpp"

namespace masq::agent {

// The addresses of `prometheus-serve-addr` at which masqd cannot listen, with the reason of each.
class ListenErrors {
 public:
  void set(const std::string& address, const std::string& error) { errors_[address] = error; }
  void clear(const std::string& address) { errors_.erase(address); }
  std::vector<Finding> findings() const;

 private:
  std::map<std::string, std::string> errors_;
};

// The metrics at each address of `prometheus-serve-addr`. An address that another process has, or that the node does
// not have yet, is tried again: nothing else of masqd depends on it.
class MetricsPorts {
 public:
  using Serve = std::function<Result<std::unique_ptr<os::HttpServer>>(os::Fd listener)>;
  static constexpr auto retry = std::chrono::seconds(5);

  MetricsPorts(os::EventLoop& loop, std::vector<std::string> addresses, Serve serve, ListenErrors& errors,
               spdlog::logger& log);
  void open();

 private:
  bool open(const std::string& address);

  std::vector<std::string> closed_;  // addresses
  Serve serve_;
  ListenErrors& errors_;
  spdlog::logger& log_;
  std::vector<std::unique_ptr<os::HttpServer>> servers_;
  os::Timer retry_;
};

}  // namespace masq::agent
