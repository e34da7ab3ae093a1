// SPDX-License-Identifier: Apache-2.0
#include "agent/sources.hpp"

#include <fmt/format.h>

#include <string>
#include <vector>

#include "base/result.hpp"
#include "model/node.hpp"

namespace masq {

void Sources::remove(const std::string& name) {
  std::erase_if(sources_, [&](const auto& source) { return source->state().name == name; });
  last_error_.erase(name);
}

void Sources::wake() {
  for (const auto& source : sources_) source->wake();
}

Result<Node> Sources::gather() {
  Node node;
  std::string missing;
  for (const auto& source : sources_) {
    source->read();
    const auto& state = source->state();
    say_what_is_new(state);
    if (!source->has_delivered() && missing.empty())
      missing = state.error.empty() ? state.name : fmt::format("{}: {}", state.name, state.error);
    source->contribute(node);
  }
  if (!missing.empty()) return fail("waiting for the source {}", missing);
  return node;
}

std::vector<Source::State> Sources::states() const {
  std::vector<Source::State> states;
  for (const auto& source : sources_) states.push_back(source->state());
  return states;
}

void Sources::say_what_is_new(const Source::State& state) {
  auto& last = last_error_[state.name];
  if (state.error == last) return;
  last = state.error;
  if (state.error.empty())
    log_.info("{}: recovered", state.name);
  else
    log_.error("{}: {}", state.name, state.error);
}

}  // namespace masq
