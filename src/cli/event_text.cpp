// SPDX-License-Identifier: Apache-2.0
#include "cli/event_text.hpp"

#include <fmt/chrono.h>

#include <chrono>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>

#include "base/address.hpp"
#include "cli/mapping_text.hpp"
#include "datapath/event.hpp"

namespace masq {
namespace {

std::string render_time(std::chrono::system_clock::time_point time) {
  const auto milliseconds = std::chrono::floor<std::chrono::milliseconds>(time.time_since_epoch());
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z", fmt::gmtime(std::chrono::system_clock::to_time_t(time)),
                     milliseconds.count() % 1000);
}

nlohmann::ordered_json endpoint(const Address& address, std::uint16_t port) {
  return {{"address", address.to_string()}, {"port", port}};
}

}  // namespace

std::string render_event(const Event& event) {
  const auto line =
      fmt::format("{} {:<5} {} {} -> {}", render_time(event.time), event.type, protocol_name(event.protocol),
                  render_endpoint(event.pod, event.pod_port), render_endpoint(event.remote, event.remote_port));
  if (!event.reason.empty()) return fmt::format("{} {} {}", line, event.direction, event.reason);
  const auto mapping = fmt::format("{} XLATE_SRC {}", line, render_endpoint(event.external, event.external_port));
  return event.type == "ended" ? fmt::format("{} state={}", mapping, event.state) : mapping;
}

std::string render_event_json(const Event& event) {
  nlohmann::ordered_json object = {{"time", render_time(event.time)},
                                   {"type", event.type},
                                   {"protocol", protocol_name(event.protocol)},
                                   {"pod", endpoint(event.pod, event.pod_port)},
                                   {"remote", endpoint(event.remote, event.remote_port)}};
  if (!event.reason.empty()) {
    object["direction"] = event.direction;
    object["reason"] = event.reason;
    return object.dump();
  }
  object["external"] = endpoint(event.external, event.external_port);
  if (event.type == "ended") object["state"] = event.state;
  return object.dump();
}

}  // namespace masq
