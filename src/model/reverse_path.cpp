// SPDX-License-Identifier: Apache-2.0
#include "model/reverse_path.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <vector>

#include "model/desired.hpp"
#include "model/node.hpp"

namespace masq {
namespace {

constexpr int strict = 1;

bool is_strict(const Node& node, const Uplink& uplink) {
  const auto link = std::ranges::find(node.links, uplink.ifindex, &Link::ifindex);
  return link != node.links.end() && link->rp_filter == strict;
}

}  // namespace

std::vector<std::string> notes_on_reverse_path(const Desired& desired, const Node& node) {
  std::vector<const Uplink*> uplinks;
  for (const auto& uplink : desired.uplinks)
    if (!uplink.ipv4.empty()) uplinks.push_back(&uplink);
  if (!desired.ipv4.enabled || uplinks.size() < 2) return {};
  std::vector<std::string> notes;
  for (const auto* uplink : uplinks)
    if (is_strict(node, *uplink))
      notes.push_back(
          fmt::format("{}: rp_filter is 1: the kernel drops packets that arrive through {} while the route "
                      "to their source uses another uplink; set it to 2",
                      uplink->name, uplink->name));
  return notes;
}

}  // namespace masq
