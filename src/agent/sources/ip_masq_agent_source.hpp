// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "agent/sources/fact_source.hpp"
#include "agent/sources/stable_content.hpp"
#include "datapath/datapath.hpp"
#include "os/event_loop.hpp"
#include "os/file_watch.hpp"

namespace masq::agent {

// The rules that the kernel has already, as the source of the rules has them.
IpMasqAgent rules_of(const std::vector<IpMasqEntry>& applied);

// The ip-masq-agent's file (StableContent). It is optional. After a rejected file the last valid one stays in force;
// without a file the defaults apply. A missing or empty file is accepted later than a full one: it may be one that is
// about to be written, and would be another policy.
class IpMasqAgentSource final : public FactSource<IpMasqAgent> {
 public:
  static constexpr auto missing_debounce = std::chrono::milliseconds(500);

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
  using Text = StableContent<std::optional<std::string>>;
  void take_text();

  std::filesystem::path path_;
  Text text_;
  std::unique_ptr<os::FileWatch> watch_;
};

}  // namespace masq::agent
