// SPDX-License-Identifier: Apache-2.0
#include "agent/export/configuration_report.hpp"

#include <fmt/format.h>

#include <string>
#include <utility>

#include "base/result.hpp"
#include "kubernetes/api.hpp"
#include "kubernetes/event_recorder.hpp"
#include "os/timers.hpp"

namespace masq::agent {

ConfigurationReport::ConfigurationReport(os::Timers& timers, std::string node_name,
                                         kubernetes::StartRequest start_request, kubernetes::Random random,
                                         spdlog::logger& log)
    : log_(log),
      events_(timers, {.node_name = std::move(node_name),
                       .component = "masqd",
                       .start_request = std::move(start_request),
                       .random = std::move(random),
                       .failed = [this](const Error& error) { on_failure(error); }}) {}

void ConfigurationReport::update(const std::string& error) {
  const bool was_rejected = std::exchange(is_rejected_, !error.empty());
  if (is_rejected_)
    events_.record({.is_warning = true,
                    .reason = "IPMasqAgentConfigRejected",
                    .message = fmt::format("{}; the last valid configuration stays in force", error)});
  else if (was_rejected)
    events_.record({.reason = "IPMasqAgentConfigAccepted",
                    .message = "The configuration of the ip-masq-agent is valid again, and in force"});
}

// The rights may be missing, and the API may be away for hours: one warning.
void ConfigurationReport::on_failure(const Error& error) {
  const bool is_first = !std::exchange(has_failed_, true);
  log_.log(is_first ? spdlog::level::warn : spdlog::level::debug,
           "an Event about the ip-masq-agent's configuration is not written: {}", error.message);
}

}  // namespace masq::agent
