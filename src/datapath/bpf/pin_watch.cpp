// SPDX-License-Identifier: Apache-2.0
#include "datapath/bpf/pin_watch.hpp"

#include <sys/stat.h>
#include <sys/types.h>

#include <filesystem>
#include <functional>
#include <optional>
#include <system_error>
#include <vector>

#include "datapath/bpf/pins.hpp"

namespace masq::bpf {
namespace {

std::optional<ino_t> inode_of(const std::filesystem::path& path) {
  struct stat found{};
  if (stat(path.c_str(), &found) != 0) return std::nullopt;
  return found.st_ino;
}

}  // namespace

PinWatch PinWatch::of(const Pins& pins, const std::vector<std::filesystem::path>& maps,
                      const std::function<bool(const std::filesystem::path& map)>& is_own) {
  PinWatch watch;
  for (const auto& map : maps)
    watch.pins_.push_back({.path = map, .inode = is_own(map) ? inode_of(map).value_or(0) : 0});
  std::error_code error;
  for (const auto& device : pins.devices())
    for (const auto& link : std::filesystem::directory_iterator(pins.device(device), error))
      if (const auto inode = inode_of(link.path())) watch.pins_.push_back({.path = link.path(), .inode = *inode});
  return watch;
}

std::vector<std::filesystem::path> PinWatch::removed() const {
  std::vector<std::filesystem::path> paths;
  for (const auto& pin : pins_)
    if (!inode_of(pin.path)) paths.push_back(pin.path);
  return paths;
}

std::vector<std::filesystem::path> PinWatch::replaced() const {
  std::vector<std::filesystem::path> paths;
  for (const auto& pin : pins_)
    if (const auto inode = inode_of(pin.path); inode && *inode != pin.inode) paths.push_back(pin.path);
  return paths;
}

}  // namespace masq::bpf
