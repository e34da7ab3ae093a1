// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace masq::cli {

// Passes a limited number of events of each kind per round, and counts the rest, so that a flood of one kind hides no
// other.
class FloodGate {
 public:
  explicit FloodGate(std::uint64_t most) : most_(most) {}

  bool admits(const std::string& kind) { return ++seen_[kind] <= most_; }

  struct Held {
    std::string kind;
    std::uint64_t count;
  };
  // Returns the events that did not pass in this round, and starts the next one.
  std::vector<Held> end_round() {
    std::vector<Held> held;
    for (const auto& [kind, count] : seen_)
      if (count > most_) held.push_back({kind, count - most_});
    seen_.clear();
    return held;
  }

 private:
  std::uint64_t most_;
  std::map<std::string, std::uint64_t> seen_;
};

}  // namespace masq::cli
