// SPDX-License-Identifier: Apache-2.0
// Verbs to write a node's devices and routes in one line each.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "model/finding.hpp"
#include "model/node.hpp"
#include "unit/words.hpp"

namespace masq {

// `addresses`: "192.0.2.10/24 2001:db8::10/64"
inline Link link_of_kind(std::string name, int ifindex, std::string kind, std::string_view addresses = "") {
  Link link;
  link.name = std::move(name);
  link.ifindex = ifindex;
  link.kind = std::move(kind);
  link.up = true;
  while (!addresses.empty()) {
    const auto word = addresses.substr(0, addresses.find(' '));
    const auto slash = word.find('/');
    link.addresses.push_back({.address = Address::parse(word.substr(0, slash)).value(),
                              .prefix_length = std::stoi(std::string(word.substr(slash + 1)))});
    addresses.remove_prefix(std::min(addresses.size(), word.size() + 1));
  }
  return link;
}

inline Link device(std::string name, int ifindex, std::string_view addresses = "") {
  return link_of_kind(std::move(name), ifindex, "", addresses);
}
inline Link pair(std::string name, int ifindex, std::string_view addresses = "") {
  return link_of_kind(std::move(name), ifindex, "veth", addresses);
}
inline Link bridge(std::string name, int ifindex, std::string_view addresses = "") {
  return link_of_kind(std::move(name), ifindex, "bridge", addresses);
}
// Without an Ethernet header when its kind has none.
inline Link tunnel(std::string name, int ifindex, std::string kind, std::string_view addresses = "") {
  constexpr std::uint16_t arphrd_none = 65534;
  auto link = link_of_kind(std::move(name), ifindex, std::move(kind), addresses);
  if (link.kind == "tun" || link.kind == "wireguard") link.arp_type = arphrd_none;
  return link;
}
inline Link loopback(std::string_view addresses = "") {
  auto link = device("lo", 1, addresses);
  link.loopback = true;
  return link;
}
inline Link down(Link link) {
  link.up = false;
  return link;
}
inline Link port(Link link, int master, std::string master_kind) {
  link.master = master;
  link.master_kind = std::move(master_kind);
  return link;
}

inline Route connected(std::string_view destination, int ifindex) {
  return {.destination = Cidr::parse(destination).value(), .ifindex = ifindex, .scope_link = true};
}
// The rest of the route is what `with` says.
inline Route by_gateway(std::string_view destination, int ifindex, Route with = {}) {
  with.destination = Cidr::parse(destination).value();
  with.ifindex = ifindex;
  with.has_gateway = true;
  return with;
}

// The texts of all findings.
inline std::vector<std::string> texts(const std::vector<Finding>& findings) {
  std::vector<std::string> found;
  for (const auto& finding : findings) found.push_back(finding.text);
  return found;
}

}  // namespace masq
