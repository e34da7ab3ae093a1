// SPDX-License-Identifier: Apache-2.0
#include "cli/mapping_text.hpp"

#include <netinet/in.h>

namespace masq {
namespace {

std::string endpoint(const Address& address, std::uint16_t port) {
  if (address.family() == Family::ipv6) return fmt::format("[{}]:{}", address.to_string(), port);
  return fmt::format("{}:{}", address.to_string(), port);
}

nlohmann::ordered_json endpoint_json(const Address& address, std::uint16_t port) {
  return {{"address", address.to_string()}, {"port", port}};
}

}  // namespace

std::string protocol_name(std::uint8_t protocol) {
  switch (protocol) {
    case IPPROTO_TCP:
      return "TCP";
    case IPPROTO_UDP:
      return "UDP";
    case IPPROTO_ICMP:
      return "ICMP";
    case IPPROTO_ICMPV6:
      return "ICMPv6";
    case IPPROTO_SCTP:
      return "SCTP";
    case IPPROTO_DCCP:
      return "DCCP";
    case IPPROTO_UDPLITE:
      return "UDP-Lite";
    case IPPROTO_GRE:
      return "GRE";
    default:
      return std::to_string(protocol);
  }
}

std::string render_mapping(const Mapping& mapping) {
  return fmt::format("{} {} -> {} XLATE_SRC {} state={} age={}s idle={}s", protocol_name(mapping.protocol),
                     endpoint(mapping.pod, mapping.pod_port), endpoint(mapping.remote, mapping.remote_port),
                     endpoint(mapping.external, mapping.external_port), mapping.state, mapping.age_seconds,
                     mapping.idle_seconds);
}

nlohmann::ordered_json render_mapping_json(const Mapping& mapping) {
  return {{"protocol", protocol_name(mapping.protocol)},
          {"pod", endpoint_json(mapping.pod, mapping.pod_port)},
          {"remote", endpoint_json(mapping.remote, mapping.remote_port)},
          {"external", endpoint_json(mapping.external, mapping.external_port)},
          {"state", mapping.state},
          {"ageSeconds", mapping.age_seconds},
          {"idleSeconds", mapping.idle_seconds}};
}

}  // namespace masq
