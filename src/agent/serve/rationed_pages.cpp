// SPDX-License-Identifier: Apache-2.0
#include "agent/serve/rationed_pages.hpp"

#include <algorithm>
#include <chrono>
#include <string>
#include <string_view>

#include "os/http_server.hpp"

namespace masq::agent {

bool RationedPages::take() {
  const auto now = timers_.now();
  const auto added = per_second * std::chrono::duration<double>(now - filled_at_).count();
  left_ = std::min(most, left_ + added);
  filled_at_ = now;
  if (left_ < 1 || now < rests_until_) return false;
  left_ -= 1;
  return true;
}

os::HttpReply RationedPages::make(std::string_view path) {
  const auto begin = timers_.now();
  auto page = make_(path);
  const auto end = timers_.now();
  rests_until_ = end + rest * (end - begin);
  return page;
}

// A page that does not exist costs nothing, and is not kept: its name is the client's.
os::HttpReply RationedPages::get(std::string_view path) {
  const auto last = last_.find(path);
  if (last != last_.end() && !take()) return last->second;
  auto page = make(path);
  if (page.status != 404) last_.insert_or_assign(std::string(path), page);
  return page;
}

}  // namespace masq::agent
