// SPDX-License-Identifier: Apache-2.0
#include "cli/mapping_text.hpp"

#include <fmt/format.h>

#include <cstdint>
#include <string>

#include "base/address.hpp"
#include "base/protocol.hpp"
#include "datapath/mapping_table.hpp"

namespace masq::cli {

std::string render_endpoint(const Address& address, std::uint16_t port) {
  if (address.family() == Family::ipv6) return fmt::format("[{}]:{}", address.to_string(), port);
  return fmt::format("{}:{}", address.to_string(), port);
}

std::string render_mapping(const Mapping& mapping) {
  return fmt::format("{} {} -> {} XLATE_SRC {} state={} age={}s idle={}s", protocol_name(mapping.protocol),
                     render_endpoint(mapping.pod, mapping.pod_port),
                     render_endpoint(mapping.remote, mapping.remote_port),
                     render_endpoint(mapping.external, mapping.external_port), mapping.state, mapping.age_seconds,
                     mapping.idle_seconds);
}

// Formatted without the JSON library, because there may be a million mappings. No value needs an escape.
std::string render_mapping_json(const Mapping& mapping) {
  constexpr auto endpoint = [](const Address& address, std::uint16_t port) {
    return fmt::format(R"({{"address":"{}","port":{}}})", address.to_string(), port);
  };
  return fmt::format(
      R"({{"protocol":"{}","pod":{},"remote":{},"external":{},"state":"{}","ageSeconds":{},"idleSeconds":{}}})",
      protocol_name(mapping.protocol), endpoint(mapping.pod, mapping.pod_port),
      endpoint(mapping.remote, mapping.remote_port), endpoint(mapping.external, mapping.external_port), mapping.state,
      mapping.age_seconds, mapping.idle_seconds);
}

}  // namespace masq::cli
