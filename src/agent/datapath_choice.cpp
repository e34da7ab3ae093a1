// SPDX-License-Identifier: Apache-2.0
#include "agent/datapath_choice.hpp"

#include <fmt/format.h>

#include <expected>
#include <memory>
#include <string>
#include <utility>

#include "base/result.hpp"
#include "datapath/backends.hpp"
#include "datapath/datapath.hpp"
#include "datapath/replacing_datapath.hpp"
#include "model/config.hpp"

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

Result<DatapathChoice> choose(const Config& config, const Backend& backend, std::string reason) {
  TRY(auto datapath, backend.make(config.bpf_root));
  return DatapathChoice{
      .kind = backend.kind,
      .datapath = std::make_unique<ReplacingDatapath>(std::move(datapath), make_others(config, backend.kind)),
      .reason = std::move(reason)};
}

Result<void> can_take(const Config& config, const Backend& backend) {
  if (!backend.conntrack_decides && !config.egress_masquerade_interfaces.empty())
    return fail("egress-masquerade-interfaces is set");
  return backend.probe();
}

Result<DatapathChoice> choose_first(const Config& config) {
  std::string reasons;
  for (const auto& backend : backends()) {
    const auto able = can_take(config, backend);
    if (able && reasons.empty()) return choose(config, backend, "auto: the first datapath that this machine supports");
    if (able) return choose(config, backend, fmt::format("auto: not {}", reasons));
    reasons += fmt::format("{}{} ({})", reasons.empty() ? "" : ", not ", backend.word, able.error().message);
  }
  return fail("datapath: auto: not {}", reasons);
}

}  // namespace

Result<DatapathChoice> choose_datapath(const Config& config) {
  if (config.datapath == DatapathKind::automatic) return choose_first(config);
  for (const auto& backend : backends())
    if (backend.kind == config.datapath) return choose(config, backend, "as configured");
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
