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

namespace masq::os {

// Reports that the target of a path may have changed: written, replaced, renamed, a symlink in the path replaced (as in
// ConfigMap volumes), a missing directory created. Reports may be redundant; the caller compares the content. The path
// may be a file or a directory, and no part of it has to exist.
class FileWatch {
 public:
  static Result<std::unique_ptr<FileWatch>> open(EventLoop& loop, std::filesystem::path path,
                                                 std::function<void()> changed);

 private:
  FileWatch(EventLoop& loop, std::filesystem::path path, std::function<void()> changed)
      : path_(std::move(path)), changed_(std::move(changed)), settle_(loop), poll_(loop) {}
  void settle();
  void check();
  void aim();

  std::filesystem::path path_;
  std::function<void()> changed_;
  Fd inotify_;             // absent if the user's instances are exhausted: then only poll_ works
  std::set<int> watched_;  // watch descriptors
  Timer settle_;
  Timer poll_;
  EventLoop::Watch watch_;
};

// A place whose events can change the target of a path.
struct WatchedPlace {
  std::filesystem::path path;
  bool content = false;  // events inside it matter, not only its move or removal
  bool operator==(const WatchedPlace&) const = default;
};
// Returns every directory of the path. `content` is set for each directory that holds a symlink of the path, for the
// directory of the last component (or the nearest existing one), and for the target.
std::vector<WatchedPlace> places_to_watch(const std::filesystem::path& path);

}  // namespace masq::os
