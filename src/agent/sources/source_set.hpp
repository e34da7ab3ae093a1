// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <spdlog/logger.h>

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "agent/sources/facts.hpp"
#include "agent/sources/source.hpp"

namespace masq::agent {

// All sources together; logs when a source fails or recovers.
class SourceSet final : public Facts {
 public:
  using ErrorChanged = std::function<void(const Source::State& state)>;

  explicit SourceSet(spdlog::logger& log) : log_(log) {}

  void add(std::unique_ptr<Source> source) { sources_.push_back(std::move(source)); }
  void remove(const std::string& name);
  // `changed` is called by gather() when a source fails, fails with another error, or recovers.
  void on_error_change(ErrorChanged changed) { error_changed_ = std::move(changed); }

  void wake() override;
  // Fails while a required source has no value; the error names it. Optional sources are not awaited.
  Result<Node> gather() override;
  // The facts of the last gather(), also those of one that failed.
  const Node& node() const { return node_; }
  std::vector<Source::State> states() const;

 private:
  void log_changes(const Source::State& state);

  spdlog::logger& log_;
  ErrorChanged error_changed_;
  std::vector<std::unique_ptr<Source>> sources_;
  Node node_;
  std::map<std::string, std::string> last_error_;  // source -> its error
};

}  // namespace masq::agent
