// SPDX-License-Identifier: Apache-2.0
#include "agent/sources/config_directory_watch.hpp"

#include <algorithm>
#include <filesystem>
#include <memory>
#include <utility>

#include "agent/sources/config_directory.hpp"
#include "base/caught.hpp"
#include "base/result.hpp"
#include "os/event_loop.hpp"
#include "os/file.hpp"
#include "os/file_watch.hpp"
#include "os/timers.hpp"

namespace masq::agent {

namespace fs = std::filesystem;

ConfigDirectoryWatch::ConfigDirectoryWatch(os::Timers& timers, fs::path path, Content known, Changed changed)
    : timers_(timers),
      path_(std::move(path)),
      known_(std::move(known)),
      changed_(std::move(changed)),
      confirmation_(timers) {}

Result<std::unique_ptr<ConfigDirectoryWatch>> ConfigDirectoryWatch::open(os::EventLoop& loop, fs::path path,
                                                                         Content known, Changed changed) {
  auto self = std::make_unique<ConfigDirectoryWatch>(loop, std::move(path), std::move(known), std::move(changed));
  TRY(self->watch_, os::FileWatch::open(loop, self->path_, [raw = self.get()] { raw->request_check(); }));
  self->request_check();
  return self;
}

ConfigDirectoryWatch::Content ConfigDirectoryWatch::read() const {
  return caught([this] { return read_config_directory(path_); });
}

bool ConfigDirectoryWatch::is_being_written() const {
  const auto version = version_of_config_directory(path_);
  return pending_ && *pending_ && std::ranges::any_of((*pending_)->options, [&](const auto& option) {
           return os::is_being_written(version / option.first);
         });
}

void ConfigDirectoryWatch::request_check() {
  auto content = read();
  if (content == known_) {
    pending_.reset();
    return confirmation_.stop();
  }
  if (pending_ && *pending_ == content) return;
  pending_ = std::move(content);
  pending_since_ = timers_.now();
  confirmation_.start(debounce, [this] { confirm(); });
}

void ConfigDirectoryWatch::confirm() {
  auto content = read();
  if (!pending_ || *pending_ != content) return request_check();
  if (is_being_written() && timers_.now() - pending_since_ < max_write_time)
    return confirmation_.start(debounce, [this] { confirm(); });
  pending_.reset();
  known_ = std::move(content);
  changed_();
}

void ConfigDirectoryWatch::accept() {
  pending_.reset();
  confirmation_.stop();
  known_ = read();
}

}  // namespace masq::agent
