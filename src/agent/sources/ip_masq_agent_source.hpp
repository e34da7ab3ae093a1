// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "agent/sources/fact_source.hpp"
#include "datapath/datapath.hpp"
#include "os/event_loop.hpp"
#include "os/file_watch.hpp"

namespace masq::agent {

// The rules that the kernel has already, as the source of the rules has them.
IpMasqAgent rules_of(const std::vector<IpMasqEntry>& applied);

// The ip-masq-agent's file. It is optional. After a rejected file the last valid one stays in force; without a file the
// defaults apply.
//
// Editors truncate and write, or unlink and create. For a moment the file is empty, incomplete or missing, and each of
// these states would be another policy. A change is therefore accepted when the content is stable for some time and the
// writer has closed the file; a missing or empty file is accepted later than a full one. All delays are below the
// second in which a change must take effect.
class IpMasqAgentSource final : public FactSource<IpMasqAgent> {
 public:
  static constexpr auto debounce = std::chrono::milliseconds(200);
  static constexpr auto missing_debounce = std::chrono::milliseconds(500);
  // A process that keeps the file open for longer does not write to it.
  static constexpr auto max_write_time = std::chrono::seconds(10);

  // Works without a watch: the caller requests checks.
  IpMasqAgentSource(os::Timers& timers, std::filesystem::path path, Changed changed);
  // Opens the source with a watch.
  static Result<std::unique_ptr<IpMasqAgentSource>> open(os::EventLoop& loop, std::filesystem::path path,
                                                         Changed changed);

  // Sets the rules that are already in force. They stay in force if the file is rejected.
  void seed(const std::vector<IpMasqEntry>& applied);
  void request_check();
  void wake() override { request_check(); }
  void read() override;
  void contribute(Node& node) const override { node.ip_masq_agent = value(); }

 private:
  // Absent: there is no file. An error: the file cannot be read.
  using Content = Result<std::optional<std::string>>;
  Content read_content() const;
  void confirm();
  void accept(Content content);

  std::filesystem::path path_;
  std::optional<Content> accepted_;
  std::optional<Content> pending_;
  os::Timers::Clock::time_point pending_since_;
  os::Timer confirmation_;
  std::unique_ptr<os::FileWatch> watch_;
};

}  // namespace masq::agent
