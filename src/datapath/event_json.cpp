// SPDX-License-Identifier: Apache-2.0
#include "datapath/event_json.hpp"

#include <fmt/chrono.h>

#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <ctime>
#include <expected>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "base/address.hpp"
#include "base/protocol.hpp"
#include "base/result.hpp"
#include "datapath/event.hpp"
#include "datapath/event_source.hpp"

namespace masq {
namespace {

using Json = nlohmann::ordered_json;

Json endpoint(const Address& address, std::uint16_t port) {
  return {{"address", address.to_string()}, {"port", port}};
}

std::string text_of(const Json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

// Leaves both as they are if the member is missing or invalid.
void read_endpoint(const Json& object, const char* key, Address& address, std::uint16_t& port) {
  const auto found = object.find(key);
  if (found == object.end() || !found->is_object()) return;
  if (const auto parsed = Address::parse(text_of(*found, "address"))) address = *parsed;
  port = static_cast<std::uint16_t>(found->value("port", 0));
}

// Returns 1970 if the text is no time, or one that the clock cannot represent.
std::chrono::system_clock::time_point parse_time(const std::string& text) {
  constexpr std::time_t latest = 9'000'000'000;  // year 2255: its nanoseconds fit into 64 bits
  std::tm parts{};
  const char* rest = strptime(text.c_str(), "%Y-%m-%dT%H:%M:%S", &parts);
  if (rest == nullptr || timegm(&parts) < 0 || timegm(&parts) > latest) return {};
  const int milliseconds = *rest == '.' ? std::atoi(rest + 1) : 0;
  return std::chrono::system_clock::from_time_t(timegm(&parts)) + std::chrono::milliseconds(milliseconds);
}

}  // namespace

std::string render_event_time(const Event& event) {
  const auto milliseconds = std::chrono::floor<std::chrono::milliseconds>(event.time.time_since_epoch());
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z", fmt::gmtime(std::chrono::system_clock::to_time_t(event.time)),
                     milliseconds.count() % 1000);
}

std::string render_event_json(const Event& event) {
  Json object = {{"time", render_event_time(event)},
                 {"type", event.type},
                 {"protocol", protocol_name(event.protocol)},
                 {"pod", endpoint(event.pod, event.pod_port)},
                 {"remote", endpoint(event.remote, event.remote_port)}};
  if (!event.reason.empty()) {
    object["direction"] = event.direction;
    object["reason"] = event.reason;
    return object.dump(-1, ' ', false, Json::error_handler_t::replace);
  }
  object["external"] = endpoint(event.external, event.external_port);
  if (event.type == "ended") object["state"] = event.state;
  return object.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Result<Event> parse_event_json(std::string_view line) {
  const auto object = Json::parse(line, nullptr, false);
  if (!object.is_object()) return fail("not an event: {:?}", line);
  Event event;
  event.time = parse_time(text_of(object, "time"));
  event.type = event_type_of(text_of(object, "type"));
  // "ICMP" is one protocol here: the address family tells the other by its own name.
  if (const auto protocols = parse_protocol(text_of(object, "protocol"))) event.protocol = protocols->front();
  read_endpoint(object, "pod", event.pod, event.pod_port);
  read_endpoint(object, "remote", event.remote, event.remote_port);
  read_endpoint(object, "external", event.external, event.external_port);
  event.state = text_of(object, "state");
  event.reason = text_of(object, "reason");
  event.direction = text_of(object, "direction");
  return event;
}

}  // namespace masq
