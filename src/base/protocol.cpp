// SPDX-License-Identifier: Apache-2.0
#include "base/protocol.hpp"

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

#include "base/result.hpp"

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

std::string protocol_name(std::uint8_t protocol) {
  const auto* const known = std::ranges::find(protocols, protocol, &ProtocolName::number);
  return known == std::end(protocols) ? std::to_string(protocol) : std::string(known->name);
}

std::vector<std::string> protocol_words() {
  std::vector<std::string> words;
  for (const auto& known : protocols) {
    words.emplace_back(known.name);
    for (char& c : words.back()) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  }
  return words;
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

}  // namespace masq
