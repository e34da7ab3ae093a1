// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>

#include "agent/sources/config_directory.hpp"
#include "base/result.hpp"
#include "os/event_loop.hpp"
#include "os/file_watch.hpp"
#include "os/timers.hpp"

namespace masq::agent {

// Calls back when the options in the directory have changed. Several files are not written in one step, and a file may
// be incomplete for a moment. A change therefore counts when the content is stable for `debounce` and no process has
// one of the files open for writing.
class ConfigDirectoryWatch {
 public:
  static constexpr auto debounce = std::chrono::milliseconds(200);
  // A process that keeps a file open for longer does not write to it.
  static constexpr auto max_write_time = std::chrono::seconds(10);
  using Content = Result<ConfigDirectory>;
  using Changed = std::function<void()>;

  // `known` is the content that is in force. Works without events: the caller requests checks.
  ConfigDirectoryWatch(os::Timers& timers, std::filesystem::path path, Content known, Changed changed);
  // Opens it with a watch, and requests the first check: the directory may have changed since it was read.
  static Result<std::unique_ptr<ConfigDirectoryWatch>> open(os::EventLoop& loop, std::filesystem::path path,
                                                            Content known, Changed changed);

  void request_check();
  // The caller reads the directory now: its present content is no change.
  void accept();

 private:
  Content read() const;
  bool is_being_written() const;
  void confirm();

  os::Timers& timers_;
  std::filesystem::path path_;
  Content known_;
  std::optional<Content> pending_;
  os::Timers::Clock::time_point pending_since_;
  Changed changed_;
  os::Timer confirmation_;
  std::unique_ptr<os::FileWatch> watch_;
};

}  // namespace masq::agent
