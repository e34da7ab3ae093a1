// SPDX-License-Identifier: Apache-2.0
#include "agent/sources/source_set.hpp"

#include <fmt/format.h>

#include <string>
#include <vector>

#include "base/result.hpp"
#include "model/node.hpp"

namespace masq::agent {

void SourceSet::remove(const std::string& name) {
  std::erase_if(sources_, [&](const auto& source) { return source->state().name == name; });
  last_error_.erase(name);
}

void SourceSet::wake() {
  for (const auto& source : sources_) source->wake();
}

Result<Node> SourceSet::gather() {
  node_ = {};
  std::string missing;
  for (const auto& source : sources_) {
    source->read();
    const auto& state = source->state();
    log_changes(state);
    if (source->is_awaited() && missing.empty())
      missing = state.error.empty() ? state.name : fmt::format("{}: {}", state.name, state.error);
    source->contribute(node_);
  }
  if (!missing.empty()) return fail("waiting for the source {}", missing);
  return node_;
}

std::vector<Source::State> SourceSet::states() const {
  std::vector<Source::State> states;
  for (const auto& source : sources_) states.push_back(source->state());
  return states;
}

void SourceSet::log_changes(const Source::State& state) {
  auto& last = last_error_[state.name];
  if (state.error == last) return;
  last = state.error;
  if (state.error.empty())
    log_.info("{}: recovered", state.name);
  else
    log_.error("{}: {}", state.name, state.error);
  if (error_changed_) error_changed_(state);
}

}  // namespace masq::agent
