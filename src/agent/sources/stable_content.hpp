// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <utility>

#include "base/caught.hpp"
#include "base/result.hpp"
#include "os/timers.hpp"

namespace masq::agent {

// The content of files that others change in more than one step. Editors truncate and write, or unlink and create, and
// several files are not written at once: for a moment they are empty, incomplete or missing. A change is therefore
// accepted when the content is stable for a while and no process has a file open for writing. All delays are below the
// second in which a change must take effect.
template <class T>
class StableContent {
 public:
  static constexpr auto debounce = std::chrono::milliseconds(200);
  // A process that keeps a file open for longer does not write to it.
  static constexpr auto max_write_time = std::chrono::seconds(10);
  using Content = Result<T>;

  struct Parts {
    std::function<Content()> read;
    std::function<bool(const Content&)> is_being_written;
    // How long this content must be the same. Empty: `debounce`.
    std::function<std::chrono::milliseconds(const Content&)> stable_for{};
    std::function<void()> changed;  // another content is accepted
  };

  StableContent(os::Timers& timers, Parts parts) : timers_(timers), parts_(std::move(parts)), confirmation_(timers) {}

  bool has_content() const { return accepted_.has_value(); }
  // Only with has_content().
  const Content& content() const { return *accepted_; }

  // Accepts a content at once: there was none before, or the caller acts on it now.
  void accept(Content content) {
    pending_.reset();
    confirmation_.stop();
    accepted_ = std::move(content);
  }
  void accept() { accept(read()); }

  // Reads the files, which may have changed. Returns true if they have the accepted content.
  bool check() {
    auto content = read();
    if (accepted_ && *accepted_ == content) {
      accept(std::move(content));
      return true;
    }
    if (pending_ && *pending_ == content) return false;
    const auto time = parts_.stable_for ? parts_.stable_for(content) : debounce;
    pending_ = std::move(content);
    pending_since_ = timers_.now();
    confirmation_.start(time, [this] { confirm(); });
    return false;
  }

 private:
  Content read() const { return caught(parts_.read); }

  void confirm() {
    auto content = read();
    if (!pending_ || *pending_ != content) {
      check();
      return;
    }
    if (parts_.is_being_written(content) && timers_.now() - pending_since_ < max_write_time)
      return confirmation_.start(debounce, [this] { confirm(); });
    accept(std::move(content));
    parts_.changed();
  }

  os::Timers& timers_;
  Parts parts_;
  std::optional<Content> accepted_;
  std::optional<Content> pending_;
  os::Timers::Clock::time_point pending_since_;
  os::Timer confirmation_;
};

}  // namespace masq::agent
