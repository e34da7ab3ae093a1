// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <set>
#include <vector>

#include "base/result.hpp"
#include "os/event_loop.hpp"
#include "os/fd.hpp"

namespace masq {

// Tells that what a path leads to may have changed: written, replaced, renamed, a symlink on the way swapped (as
// ConfigMap volumes do), a missing directory created. It tells when in doubt; the one who is called compares the
// content. The path may be a file or a directory, and nothing of it needs to exist.
class FileWatch {
 public:
  static Result<std::unique_ptr<FileWatch>> open(EventLoop& loop, std::filesystem::path path,
                                                 std::function<void()> changed);

 private:
  FileWatch(EventLoop& loop, std::filesystem::path path, std::function<void()> changed)
      : path_(std::move(path)), changed_(std::move(changed)), settle_(loop), poll_(loop) {}
  void settle();
  void look_again();
  void aim();

  std::filesystem::path path_;
  std::function<void()> changed_;
  Fd inotify_;             // none when the user's instances are exhausted: then poll_ is all
  std::set<int> watched_;  // watch descriptors
  Timer settle_;
  Timer poll_;
  EventLoop::Watch watch_;
};

// A place whose events can change what a path leads to.
struct WatchedPlace {
  std::filesystem::path path;
  bool content = false;  // what happens in it matters, not only whether it is moved or removed
  bool operator==(const WatchedPlace&) const = default;
};
// Every directory on the way; the content of each that holds a symlink of it, of the directory of the last component
// (or the nearest that exists), and of what is at the end.
std::vector<WatchedPlace> places_to_watch(const std::filesystem::path& path);

}  // namespace masq
