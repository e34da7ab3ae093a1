// SPDX-License-Identifier: Apache-2.0
#include "datapath/bpf/map_pins.hpp"

#include <bpf/libbpf.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <string>
#include <vector>

#include "base/address.hpp"
#include "base/result.hpp"
#include "datapath/bpf/pin_check.hpp"
#include "datapath/bpf/pinned_table.hpp"
#include "datapath/bpf/pins.hpp"

namespace masq::bpf {
namespace {

// The maps of one family's table; they are created together.
constexpr const char* table_maps[] = {"mappings", "forward", "reply", "shares", "control"};

bool is_map_of_table(const std::string& name, Family family) {
  return std::ranges::any_of(table_maps, [&](const char* map) { return name == map_name(map, family); });
}

bool is_replaced(const std::string& name, const ReplacedTables& replaced) {
  return (replaced.ipv4 && is_map_of_table(name, Family::ipv4)) ||
         (replaced.ipv6 && is_map_of_table(name, Family::ipv6));
}

Result<void> pin_in_place(bpf_map* map, const std::filesystem::path& path) {
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) return fail("{}: {}", path.string(), std::strerror(errno));
  if (const int error = bpf_map__pin(map, path.c_str()); error != 0)
    return fail("pin {}: {}", path.string(), std::strerror(-error));
  return {};
}

}  // namespace

Result<void> reuse_pinned_maps(const bpf_object& object, const Pins& pins, const ReplacedTables& replaced) {
  bpf_map* map = nullptr;
  bpf_object__for_each_map(map, &object) {
    const std::string name = bpf_map__name(map);
    if (bpf_map__is_internal(map) || is_replaced(name, replaced)) continue;
    const auto path = pins.map(name);
    TRY(const auto is_pinned, check_pin(*map, path));
    if (!is_pinned) continue;
    if (bpf_map__set_pin_path(map, path.c_str()) != 0) return fail("pin path of {}: {}", name, std::strerror(errno));
  }
  return {};
}

Result<void> pin_created_maps(const bpf_object& object, const Pins& pins) {
  std::vector<std::filesystem::path> pinned;
  bpf_map* map = nullptr;
  bpf_object__for_each_map(map, &object) {
    if (bpf_map__is_internal(map) || bpf_map__is_pinned(map)) continue;
    const auto path = pins.map(bpf_map__name(map));
    if (auto done = pin_in_place(map, path); !done) {
      for (const auto& each : pinned) ::unlink(each.c_str());
      return done;
    }
    pinned.push_back(path);
  }
  return {};
}

std::vector<std::filesystem::path> pins_of_maps(const bpf_object& object, const Pins& pins) {
  std::vector<std::filesystem::path> paths;
  bpf_map* map = nullptr;
  bpf_object__for_each_map(map, &object) if (!bpf_map__is_internal(map)) paths.push_back(pins.map(bpf_map__name(map)));
  return paths;
}

}  // namespace masq::bpf
