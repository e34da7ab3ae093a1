// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "os/event_loop.hpp"
#include "os/fd.hpp"

struct nlmsghdr;

namespace masq::nftables {

// Reports that another process changed or removed nftables tables of these names (family inet). Changes of this process
// are not reported.
class TableMonitor {
 public:
  static Result<std::unique_ptr<TableMonitor>> open(os::EventLoop& loop, std::vector<std::string> tables,
                                                    std::function<void()> changed);

 private:
  TableMonitor(os::Fd fd, std::vector<std::string> tables, std::function<void()> changed)
      : fd_(std::move(fd)), tables_(std::move(tables)), changed_(std::move(changed)) {}
  void drain();
  bool take(const nlmsghdr& message);

  os::Fd fd_;
  std::vector<std::string> tables_;
  std::function<void()> changed_;
  bool touched_ = false;  // by the current transaction
  os::EventLoop::Watch watch_;
};

}  // namespace masq::nftables
