// SPDX-License-Identifier: Apache-2.0
#include "agent/sources/config_directory_watch.hpp"

#include <algorithm>
#include <filesystem>
#include <memory>
#include <utility>

#include "agent/sources/config_directory.hpp"
#include "base/result.hpp"
#include "os/event_loop.hpp"
#include "os/file.hpp"
#include "os/file_watch.hpp"
#include "os/timers.hpp"

namespace masq::agent {

namespace fs = std::filesystem;

ConfigDirectoryWatch::ConfigDirectoryWatch(os::Timers& timers, fs::path path, Content known, Changed changed)
    : path_(std::move(path)),
      content_(timers, {.read = [this] { return read_config_directory(path_); },
                        .is_being_written = [this](const Content& content) { return is_being_written(content); },
                        .changed = std::move(changed)}) {
  content_.accept(std::move(known));
}

Result<std::unique_ptr<ConfigDirectoryWatch>> ConfigDirectoryWatch::open(os::EventLoop& loop, fs::path path,
                                                                         Content known, Changed changed) {
  auto self = std::make_unique<ConfigDirectoryWatch>(loop, std::move(path), std::move(known), std::move(changed));
  TRY(self->watch_, os::FileWatch::open(loop, self->path_, [raw = self.get()] { raw->request_check(); }));
  self->request_check();
  return self;
}

bool ConfigDirectoryWatch::is_being_written(const Content& content) const {
  const auto version = version_of_config_directory(path_);
  return content && std::ranges::any_of(content->options, [&](const auto& option) {
           return os::is_being_written(version / option.first);
         });
}

}  // namespace masq::agent
