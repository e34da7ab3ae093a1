// SPDX-License-Identifier: Apache-2.0
#include "cli/agent_events.hpp"

#include <fmt/ranges.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <filesystem>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.hpp"
#include "cli/json_members.hpp"
#include "datapath/event.hpp"
#include "datapath/event_json.hpp"
#include "datapath/event_source.hpp"
#include "os/http_client.hpp"

namespace masq::cli {

Result<std::unique_ptr<AgentEvents>> AgentEvents::open(const std::filesystem::path& socket, const EventTypes& types) {
  const auto query = types.empty() ? std::string() : fmt::format("?type={}", fmt::join(types, ","));
  auto reply = os::http_stream(socket, "/v1/events" + query);
  constexpr int not_found = 404;  // an earlier version
  if (!reply || reply->answer.status == not_found) return nullptr;
  if (reply->answer.status != 200) {
    const auto document = nlohmann::ordered_json::parse(reply->answer.body, nullptr, false);
    return fail("{}", text_of(document, "error"));
  }
  return std::unique_ptr<AgentEvents>(new AgentEvents(std::move(reply->stream)));
}

void AgentEvents::take(const std::function<void(const Event&)>& visit) {
  receive();
  std::string_view rest = stream_.begin;
  for (auto end = rest.find('\n'); end != std::string_view::npos; end = rest.find('\n')) {
    read_line(rest.substr(0, end), visit);
    rest.remove_prefix(end + 1);
  }
  stream_.begin.erase(0, stream_.begin.size() - rest.size());
}

std::uint64_t AgentEvents::renew(const EventTypes& /*types*/) {
  return std::exchange(lost_, 0);
}

void AgentEvents::receive() {
  std::array<char, 65536> buffer;
  const ssize_t count = recv(fd(), buffer.data(), buffer.size(), 0);
  if (count > 0) stream_.begin.append(buffer.data(), static_cast<std::size_t>(count));
  ended_ = count == 0 || (count < 0 && errno != EAGAIN && errno != EINTR);
}

void AgentEvents::read_line(std::string_view line, const std::function<void(const Event&)>& visit) {
  const auto document = nlohmann::ordered_json::parse(line, nullptr, false);
  if (text_of(document, "type") == "notShown") {
    lost_ += number_of(document, "count");
    return;
  }
  if (const auto event = parse_event_json(line)) visit(*event);
}

}  // namespace masq::cli
