// SPDX-License-Identifier: Apache-2.0
#include "agent/datapath_choice.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "agent/privileges.hpp"
#include "base/result.hpp"
#include "datapath/backends.hpp"
#include "datapath/datapath.hpp"
#include "datapath/replacing_datapath.hpp"
#include "model/config.hpp"
#include "model/finding.hpp"
#include "os/capabilities.hpp"

namespace masq::agent {
namespace {

// A datapath that cannot be queried has no state on this machine.
ReplacingDatapath::Others make_others(const Config& config, DatapathKind chosen) {
  ReplacingDatapath::Others others;
  for (const auto& backend : backends()) {
    if (backend.kind == chosen) continue;
    if (auto other = backend.make(config.bpf_root)) others.push_back(std::move(*other));
  }
  return others;
}

Result<DatapathChoice> choose(const Config& config, const Backend& backend, std::string reason,
                              std::vector<Finding> findings = {}) {
  TRY(auto datapath, backend.make(config.bpf_root));
  return DatapathChoice{
      .kind = backend.kind,
      .datapath = std::make_unique<ReplacingDatapath>(std::move(datapath), make_others(config, backend.kind)),
      .reason = std::move(reason),
      .needs = backend.needs(),
      .findings = std::move(findings)};
}

// Why a datapath cannot be taken. A want of a right or of memory is none of the machine: the operator can mend it.
struct Obstacle {
  std::string text;
  bool is_want = false;
};

bool is_about(const Error& error, int number) {
  return error.message.contains(std::strerror(number));
}

Result<std::optional<Obstacle>> find_obstacle(const Config& config, const Backend& backend) {
  if (!backend.conntrack_decides && !config.egress_masquerade_interfaces.empty())
    return Obstacle{.text = "egress-masquerade-interfaces is set"};
  TRY(const auto effective, os::effective_capabilities());
  if (auto missing = missing_capabilities(backend.needs(), effective); !missing.empty())
    return Obstacle{.text = std::move(missing), .is_want = true};
  const auto able = backend.probe();
  if (able) return std::nullopt;
  return Obstacle{.text = able.error().message,
                  .is_want = is_about(able.error(), EPERM) || is_about(able.error(), ENOMEM)};
}

Result<DatapathChoice> choose_first(const Config& config) {
  std::string reasons;
  std::vector<Finding> findings;
  for (const auto& backend : backends()) {
    TRY(const auto obstacle, find_obstacle(config, backend));
    if (!obstacle && reasons.empty())
      return choose(config, backend, "auto: the first datapath that this machine supports");
    if (!obstacle) return choose(config, backend, fmt::format("auto: not {}", reasons), std::move(findings));
    reasons += fmt::format("{}{} ({})", reasons.empty() ? "" : ", not ", backend.word, obstacle->text);
    if (obstacle->is_want)
      findings.push_back({FindingKind::datapath_fallback,
                          fmt::format("datapath: auto could not take {}: {}", backend.word, obstacle->text)});
  }
  return fail("datapath: auto: not {}", reasons);
}

Result<DatapathChoice> choose_configured(const Config& config, const Backend& backend) {
  TRY(const auto effective, os::effective_capabilities());
  if (const auto missing = missing_capabilities(backend.needs(), effective); !missing.empty())
    return fail("datapath {}: {}", backend.word, missing);
  return choose(config, backend, "as configured");
}

}  // namespace

Result<DatapathChoice> choose_datapath(const Config& config) {
  if (config.datapath == DatapathKind::automatic) return choose_first(config);
  for (const auto& backend : backends())
    if (backend.kind == config.datapath) return choose_configured(config, backend);
  return fail("datapath: unknown");
}

// A datapath whose tools are absent has no state to remove.
Result<Steps> remove_datapaths(const Config& config) {
  Steps steps;
  for (const auto& backend : backends()) {
    auto datapath = backend.make(config.bpf_root);
    if (!datapath) continue;
    TRY(auto removed, (*datapath)->remove());
    steps.insert(steps.end(), removed.begin(), removed.end());
  }
  return steps;
}

}  // namespace masq::agent
