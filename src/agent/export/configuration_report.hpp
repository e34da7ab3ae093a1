// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <spdlog/logger.h>

#include <string>

#include "base/result.hpp"
#include "kubernetes/api.hpp"
#include "kubernetes/event_recorder.hpp"
#include "os/timers.hpp"

namespace masq::agent {

// Reports a rejected ip-masq-agent configuration, and one that is accepted after it, as Events about this node in
// Kubernetes. A failure to report has no other effect than a line in the log.
class ConfigurationReport {
 public:
  ConfigurationReport(os::Timers& timers, std::string node_name, kubernetes::StartRequest start_request,
                      kubernetes::Random random, spdlog::logger& log);

  // The error of the configuration as it is now; empty: it is accepted.
  void update(const std::string& error);

 private:
  void on_failure(const Error& error);

  spdlog::logger& log_;
  bool is_rejected_ = false;
  bool has_failed_ = false;
  kubernetes::EventRecorder events_;
};

}  // namespace masq::agent
