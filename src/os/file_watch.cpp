// SPDX-License-Identifier: Apache-2.0
#include "os/file_watch.hpp"

#include <sys/epoll.h>
#include <sys/inotify.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <functional>
#include <memory>
#include <set>
#include <system_error>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "os/event_loop.hpp"
#include "os/timers.hpp"

namespace masq::os {
namespace {

namespace fs = std::filesystem;

constexpr std::uint32_t of_place = IN_DELETE_SELF | IN_MOVE_SELF;
constexpr std::uint32_t of_content =
    IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_MODIFY | IN_CLOSE_WRITE | IN_ATTRIB;
constexpr int max_symlinks = 40;  // the kernel's own limit
constexpr auto pause_between_looks = std::chrono::milliseconds(20);
constexpr auto back_stop = std::chrono::seconds(30);
constexpr auto without_inotify = std::chrono::milliseconds(500);

void prepend(std::deque<fs::path>& components, const fs::path& target) {
  std::deque<fs::path> all(target.begin(), target.end());
  all.insert(all.end(), components.begin(), components.end());
  components = std::move(all);
}

}  // namespace

std::vector<WatchedPlace> places_to_watch(const fs::path& path) {
  std::vector<WatchedPlace> places;
  const auto absolute = fs::absolute(path);
  std::deque<fs::path> components(absolute.begin(), absolute.end());
  fs::path here = "/";
  for (int symlinks = 0; !components.empty() && symlinks <= max_symlinks;) {
    const auto next = here / components.front();
    components.pop_front();
    std::error_code error;
    const auto status = fs::symlink_status(next, error);
    const bool exists = fs::exists(status);
    places.push_back({here, !exists || fs::is_symlink(status) || components.empty()});
    if (!exists) return places;
    if (!fs::is_symlink(status)) {
      here = next;
      continue;
    }
    ++symlinks;
    const auto target = fs::read_symlink(next, error);
    if (error) return places;  // removed meanwhile: an event of `here` follows
    if (target.is_absolute()) here = "/";
    prepend(components, target);
  }
  places.push_back({here, true});
  return places;
}

Result<std::unique_ptr<FileWatch>> FileWatch::open(EventLoop& loop, fs::path path, std::function<void()> changed) {
  std::unique_ptr<FileWatch> self(new FileWatch(loop, std::move(path), std::move(changed)));
  self->inotify_.reset(inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
  if (self->inotify_) {
    TRY(self->watch_, loop.watch(self->inotify_.get(), EPOLLIN, [raw = self.get()](std::uint32_t) { raw->settle(); }));
  }
  self->aim();
  return self;
}

// A busy directory is inspected at intervals instead of at each event; the watch is paused meanwhile.
void FileWatch::settle() {
  (void)watch_.change(0);
  settle_.start(pause_between_looks, [this] {
    (void)watch_.change(EPOLLIN);
    check();
  });
}

// The content of the events is ignored, and so is an overflow of their queue: every event requests a new check.
void FileWatch::check() {
  alignas(inotify_event) std::array<char, 65536> events;
  while (inotify_ && read(inotify_.get(), events.data(), events.size()) > 0) continue;
  aim();
  changed_();
}

// Adds the watches first and inspects the path again afterwards, until both agree, so that later changes cause an
// event. Watches are added each time, because the same path may be another directory now.
void FileWatch::aim() {
  bool covered = false;
  auto places = places_to_watch(path_);
  for (int i = 0; inotify_ && i < 10; ++i) {
    std::set<int> watched;
    covered = true;
    for (const auto& place : places) {
      const auto mask = IN_MASK_ADD | of_place | (place.content ? of_content : 0);
      const int descriptor = inotify_add_watch(inotify_.get(), place.path.c_str(), mask);
      covered &= descriptor >= 0;
      if (descriptor >= 0) watched.insert(descriptor);
    }
    for (const int old : watched_)
      if (!watched.contains(old)) inotify_rm_watch(inotify_.get(), old);
    watched_ = std::move(watched);
    auto after = places_to_watch(path_);
    if (after == places) break;
    places = std::move(after);
  }
  const Timers::Clock::duration pause = covered ? Timers::Clock::duration(back_stop) : without_inotify;
  poll_.start(pause, [this] { check(); });
}

}  // namespace masq::os
