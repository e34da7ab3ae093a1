// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <functional>
#include <memory>

#include "agent/sources/config_directory.hpp"
#include "agent/sources/stable_content.hpp"
#include "base/result.hpp"
#include "os/event_loop.hpp"
#include "os/file_watch.hpp"
#include "os/timers.hpp"

namespace masq::agent {

// Calls back when the options in the directory have changed (StableContent).
class ConfigDirectoryWatch {
 public:
  using Content = StableContent<ConfigDirectory>::Content;
  using Changed = std::function<void()>;

  // `known` is the content that is in force. Works without events: the caller requests checks.
  ConfigDirectoryWatch(os::Timers& timers, std::filesystem::path path, Content known, Changed changed);
  // Opens it with a watch, and requests the first check: the directory may have changed since it was read.
  static Result<std::unique_ptr<ConfigDirectoryWatch>> open(os::EventLoop& loop, std::filesystem::path path,
                                                            Content known, Changed changed);

  void request_check() { content_.check(); }
  // The caller reads the directory now: its present content is no change.
  void accept() { content_.accept(); }

 private:
  bool is_being_written(const Content& content) const;

  std::filesystem::path path_;
  StableContent<ConfigDirectory> content_;
  std::unique_ptr<os::FileWatch> watch_;
};

}  // namespace masq::agent
