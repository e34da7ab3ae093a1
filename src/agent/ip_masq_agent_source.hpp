// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "agent/source.hpp"
#include "datapath/datapath.hpp"
#include "os/event_loop.hpp"
#include "os/file_watch.hpp"

namespace masq {

// The ip-masq-agent's file. A refused file leaves the last good one in force; without a file the defaults are.
//
// Editors truncate and write, or unlink and create: for a moment the file is empty, half or gone, and each of these
// would be a policy too. So a change is believed when the content has stood still for a while and the writer has
// closed the file; a missing or empty one is believed later than a full one. All of it well within the second in
// which a change must be in force.
class IpMasqAgentSource final : public Source {
 public:
  static constexpr auto stands_still = std::chrono::milliseconds(200);
  static constexpr auto stays_away = std::chrono::milliseconds(500);
  // Who has it open for longer, without writing, is no writer.
  static constexpr auto longest_write = std::chrono::seconds(10);

  // Without a watch: look_again() must be called.
  IpMasqAgentSource(Timers& timers, std::filesystem::path path, std::function<void()> changed);
  // With one.
  static Result<std::unique_ptr<IpMasqAgentSource>> open(EventLoop& loop, std::filesystem::path path,
                                                         std::function<void()> changed);

  // The rules that are in force already: what a refused file leaves.
  void hold_on_to(const std::vector<IpMasqEntry>& in_force);
  void look_again();
  void wake() override { look_again(); }
  void read() override;
  void contribute(Node& node) const override { node.ip_masq_agent = rules_; }

 private:
  // What stands at the path: text, or nothing, or why it cannot be read.
  struct Content {
    std::optional<std::string> text;
    std::string error;
    bool operator==(const Content&) const = default;
  };
  Content look() const;
  void confirm();
  void believe(Content content);

  Timers& timers_;
  std::filesystem::path path_;
  std::function<void()> changed_;
  std::optional<Content> believed_;
  std::optional<Content> pending_;
  Timers::Clock::time_point pending_since_;
  Timer confirmation_;
  IpMasqAgent rules_ = default_ip_masq_agent();
  std::unique_ptr<FileWatch> watch_;
};

}  // namespace masq
