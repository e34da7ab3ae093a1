// SPDX-License-Identifier: Apache-2.0
#include "agent/reverse_path.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

#include "model/desired.hpp"
#include "os/file.hpp"

namespace masq {
namespace {

constexpr std::size_t max_rp_filter_size = 64;

// 0 off, 1 strict, 2 loose. Returns 0 if the value cannot be read, because the device is being removed.
int rp_filter(const std::filesystem::path& directory, const std::string& device) {
  const auto text = read_file(directory / device / "rp_filter", max_rp_filter_size);
  if (!text || text->empty() || text->front() < '0' || text->front() > '2') return 0;
  return text->front() - '0';
}

}  // namespace

std::vector<std::string> notes_on_reverse_path(const Desired& desired, const std::filesystem::path& directory) {
  std::vector<const Uplink*> uplinks;
  for (const auto& uplink : desired.uplinks)
    if (!uplink.ipv4.empty()) uplinks.push_back(&uplink);
  if (!desired.ipv4.enabled || uplinks.size() < 2) return {};
  const int all = rp_filter(directory, "all");
  std::vector<std::string> notes;
  for (const auto* uplink : uplinks)
    if (std::max(all, rp_filter(directory, uplink->name)) == 1)
      notes.push_back(
          fmt::format("{}: rp_filter is 1: the kernel drops packets that arrive through {} while the route "
                      "to their source uses another uplink; set it to 2",
                      uplink->name, uplink->name));
  return notes;
}

}  // namespace masq
