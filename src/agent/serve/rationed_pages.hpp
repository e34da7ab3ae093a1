// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "os/http_server.hpp"
#include "os/timers.hpp"

namespace masq::agent {

// Pages that any client may request as often as it likes. Making one takes time of the event loop: it reads the
// kernel's counters and connections, or runs iptables-save. So ten pages in a row are made, then four a second, and
// fewer if they would take more than a fifth of the time. Other requests get the last page.
class RationedPages {
 public:
  using Make = std::function<os::HttpReply(std::string_view path)>;

  RationedPages(const os::Timers& timers, Make make)
      : timers_(timers), make_(std::move(make)), filled_at_(timers.now()), rests_until_(timers.now()) {}
  os::HttpReply get(std::string_view path);

 private:
  using Clock = os::Timers::Clock;

  bool take();
  os::HttpReply make(std::string_view path);

  const os::Timers& timers_;
  Make make_;
  double left_ = most;
  Clock::time_point filled_at_;
  Clock::time_point rests_until_;
  std::map<std::string, os::HttpReply, std::less<>> last_;

  static constexpr double most = 10;
  static constexpr double per_second = 4;
  static constexpr int rest = 4;  // times the duration of a page
};

}  // namespace masq::agent
