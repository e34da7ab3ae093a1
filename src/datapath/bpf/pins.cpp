// SPDX-License-Identifier: Apache-2.0
#include "datapath/bpf/pins.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <string_view>
#include <system_error>
#include <vector>

#include "base/result.hpp"
#include "bpf/abi/mapping.h"
#include "os/own_directory.hpp"

namespace masq::bpf {
namespace {

constexpr std::string_view unfinished_mark = "-new";

// The maps of schema 1. `control` is last, because its presence means that the others exist.
constexpr const char* maps_of_schema_1[] = {
    "mappings",  "forward",    "reply",    "locks", "pods",       "policy", "sources", "uplinks", "counters",
    "exhausted", "node_flows", "refusals", "held",  "held_index", "births", "sweeper", "steps",   "control",
};

bool is_directory_of_maps(std::string_view name) {
  return name.size() > 1 && name[0] == 'v' && name.find_first_not_of("0123456789", 1) == std::string_view::npos;
}

std::vector<std::filesystem::path> entries_of(const std::filesystem::path& directory) {
  std::vector<std::filesystem::path> entries;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(directory, error)) entries.push_back(entry.path());
  std::ranges::sort(entries);
  return entries;
}

}  // namespace

Pins::Pins(const std::filesystem::path& bpf_root)
    : root_(bpf_root / "masq"), directory_(fmt::format("v{}", MASQ_SCHEMA)) {}

Result<void> make_directory(const std::filesystem::path& path) {
  return os::make_own_directory(path, 0700);
}

Result<void> Pins::make_directories() const {
  for (const auto& path : {root_, all_maps(), maps(), links()})
    if (auto made = make_directory(path); !made) return made;
  return {};
}

Pins Pins::unfinished() const {
  Pins pins = *this;
  pins.directory_ += unfinished_mark;
  return pins;
}

Result<void> Pins::finish() const {
  const auto from = unfinished().maps();
  if (auto removed = remove_maps(maps()); !removed) return removed;
  if (::rename(from.c_str(), maps().c_str()) != 0) return fail("rename {}: {}", from.string(), std::strerror(errno));
  return {};
}

std::vector<std::filesystem::path> Pins::foreign_maps() const {
  auto entries = entries_of(all_maps());
  std::erase_if(entries,
                [&](const auto& path) { return !is_directory_of_maps(path.filename().string()) || path == maps(); });
  return entries;
}

Result<void> Pins::tidy() const {
  for (const auto& path : entries_of(all_maps()))
    if (path.filename().string().ends_with(unfinished_mark))
      if (auto removed = remove_maps(path); !removed) return removed;
  return sort_in();
}

Result<void> Pins::sort_in() const {
  const auto target = all_maps() / "v1";
  std::error_code error;
  for (const char* map : maps_of_schema_1) {
    for (const char family : {'4', '6'}) {
      const auto name = std::string(map) + family;
      const auto from = all_maps() / name, to = target / name;
      if (!std::filesystem::exists(from, error) || std::filesystem::is_directory(from, error) ||
          std::filesystem::exists(to, error))
        continue;
      if (auto made = make_directory(target); !made) return made;
      if (::rename(from.c_str(), to.c_str()) != 0) return fail("rename {}: {}", from.string(), std::strerror(errno));
    }
  }
  return {};
}

// `control` is removed last: a table without it is not valid.
Result<void> Pins::remove_maps(const std::filesystem::path& maps) {
  auto entries = entries_of(maps);
  std::ranges::stable_partition(entries,
                                [](const auto& path) { return !path.filename().string().starts_with("control"); });
  for (const auto& path : entries)
    if (::unlink(path.c_str()) != 0 && errno != ENOENT) return fail("{}: {}", path.string(), std::strerror(errno));
  if (::rmdir(maps.c_str()) != 0 && errno != ENOENT) return fail("{}: {}", maps.string(), std::strerror(errno));
  return {};
}

std::vector<std::string> Pins::devices() const {
  std::vector<std::string> names;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(links(), error))
    names.push_back(unescape(entry.path().filename().string()));
  std::ranges::sort(names);
  return names;
}

std::string Pins::escape(std::string_view device) {
  std::string out;
  for (char c : device) {
    if (c == '.')
      out += "%2e";
    else if (c == '%')
      out += "%25";
    else
      out += c;
  }
  return out;
}

std::string Pins::unescape(std::string_view file) {
  std::string out;
  for (std::size_t i = 0; i < file.size(); ++i) {
    const auto code = file.substr(i, 3);
    if (code == "%2e" || code == "%25") {
      out += code == "%2e" ? '.' : '%';
      i += 2;
    } else {
      out += file[i];
    }
  }
  return out;
}

}  // namespace masq::bpf
