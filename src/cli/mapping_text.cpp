// SPDX-License-Identifier: Apache-2.0
#include "cli/mapping_text.hpp"

#include <fmt/format.h>
#include <netinet/in.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cstdint>
#include <iterator>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "base/address.hpp"
#include "base/result.hpp"
#include "datapath/datapath.hpp"

namespace masq {
namespace {

struct ProtocolName {
  std::uint8_t number;
  std::string_view name;
};

constexpr ProtocolName protocols[] = {{IPPROTO_TCP, "TCP"},          {IPPROTO_UDP, "UDP"},   {IPPROTO_ICMP, "ICMP"},
                                      {IPPROTO_ICMPV6, "ICMPv6"},    {IPPROTO_SCTP, "SCTP"}, {IPPROTO_DCCP, "DCCP"},
                                      {IPPROTO_UDPLITE, "UDP-Lite"}, {IPPROTO_GRE, "GRE"}};

bool equal_without_case(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, [](char x, char y) {
    return std::tolower(static_cast<unsigned char>(x)) == std::tolower(static_cast<unsigned char>(y));
  });
}

}  // namespace

std::string render_endpoint(const Address& address, std::uint16_t port) {
  if (address.family() == Family::ipv6) return fmt::format("[{}]:{}", address.to_string(), port);
  return fmt::format("{}:{}", address.to_string(), port);
}

std::string protocol_name(std::uint8_t protocol) {
  const auto* const known = std::ranges::find(protocols, protocol, &ProtocolName::number);
  return known == std::end(protocols) ? std::to_string(protocol) : std::string(known->name);
}

Result<std::vector<std::uint8_t>> parse_protocol(std::string_view name) {
  if (equal_without_case(name, "icmp")) return std::vector<std::uint8_t>{IPPROTO_ICMP, IPPROTO_ICMPV6};
  for (const auto& known : protocols)
    if (equal_without_case(name, known.name)) return std::vector{known.number};
  std::uint8_t number = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
  if (error != std::errc() || end != name.data() + name.size())
    return fail("{:?}: a protocol is expected: tcp, udp, icmp, icmpv6 or a number from 0 to 255", name);
  return std::vector{number};
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

}  // namespace masq
