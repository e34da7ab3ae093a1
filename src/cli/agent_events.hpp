// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>

#include "base/result.hpp"
#include "datapath/event_source.hpp"
#include "os/http_client.hpp"

namespace masq::cli {

// The events that masqd hands out over its socket (/v1/events).
class AgentEvents final : public EventSource {
 public:
  // Null if no masqd serves events there; an error if masqd refuses.
  static Result<std::unique_ptr<AgentEvents>> open(const std::filesystem::path& socket, const EventTypes& types);

  int fd() const override { return stream_.connection.get(); }
  void take(const std::function<void(const Event&)>& visit) override;
  std::uint64_t renew(const EventTypes& types) override;
  // Returns true after masqd has closed the connection.
  bool has_ended() const { return ended_; }

 private:
  explicit AgentEvents(os::HttpStream stream) : stream_(std::move(stream)) {}
  void receive();
  void read_line(std::string_view line, const std::function<void(const Event&)>& visit);

  os::HttpStream stream_;
  std::uint64_t lost_ = 0;
  bool ended_ = false;
};

}  // namespace masq::cli
