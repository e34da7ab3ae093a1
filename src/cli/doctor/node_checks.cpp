// SPDX-License-Identifier: Apache-2.0
// Facts of the node that masqd does not follow.
#include <fmt/format.h>

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <sstream>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include "cli/command.hpp"
#include "cli/doctor/check.hpp"
#include "cli/json_members.hpp"

namespace masq::cli {
namespace {

using Json = nlohmann::ordered_json;

// The number at the begin of a text, and what follows it.
std::optional<std::uint64_t> number_at(std::string_view& text) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc()) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return number;
}

std::optional<std::uint64_t> number_in(const Examination& examination, const std::string& path) {
  const auto text = examination.context.read_file(path);
  if (!text) return std::nullopt;
  std::string_view rest = *text;
  return number_at(rest);
}

std::string value_of_option(const Examination& examination, std::string_view key) {
  for (const auto& option : member(examination.options, "options"))
    if (text_of(option, "key") == key) return text_of(option, "value");
  return {};
}

// A line of /proc/self/mountinfo: "… ROOT MOUNT-POINT OPTIONS … - TYPE SOURCE …" (proc_pid_mountinfo(5)).
bool is_bpffs_at(const std::string& line, std::string_view path) {
  std::istringstream words(line);
  std::string word, mount_point;
  for (int i = 0; i < 5; ++i) words >> mount_point;
  while (words >> word && word != "-") {
  }
  return words >> word && word == "bpf" && mount_point == path;
}

constexpr std::pair<std::uint64_t, std::uint64_t> oldest_kernel{5, 15};

// A bridge has a pod CIDR of each family.
std::set<std::string> pod_bridges(const Json& status) {
  std::set<std::string> names;
  for (const auto& network : pod_networks(status))
    if (!network.bridge.empty()) names.insert(network.bridge);
  return names;
}

std::optional<std::uint64_t> mtu_of(const Examination& examination, const std::string& device) {
  return number_in(examination, fmt::format("/sys/class/net/{}/mtu", device));
}

}  // namespace

Remarks check_bpffs(const Examination& examination) {
  if (!uses_bpf(examination)) return {};
  const auto root = value_of_option(examination, "bpf-root");
  const auto mounts = examination.context.read_file("/proc/self/mountinfo");
  if (!mounts) return unknown(mounts.error().message);
  std::istringstream lines(*mounts);
  for (std::string line; std::getline(lines, line);)
    if (is_bpffs_at(line, root)) return {};
  return {{.text = fmt::format("{} is no bpffs here: mappings end with masqd", root),
           .remedy = fmt::format("mount -t bpf bpf {}, and restart masqd", root)}};
}

Remarks check_kernel_release(const Examination& examination) {
  if (!uses_bpf(examination)) return {};
  const auto release = examination.context.read_file("/proc/sys/kernel/osrelease");
  if (!release) return unknown(release.error().message);
  std::string_view rest = *release;
  const auto major = number_at(rest);
  if (rest.starts_with('.')) rest.remove_prefix(1);
  const auto minor = number_at(rest);
  if (!major || !minor || std::pair(*major, *minor) >= oldest_kernel) return {};
  return {{.level = Level::note,
           .text = fmt::format("Linux {}.{}: masq is tested from {}.{} on", *major, *minor, oldest_kernel.first,
                               oldest_kernel.second),
           .remedy = "use a newer kernel"}};
}

Remarks check_jit(const Examination& examination) {
  if (!uses_bpf(examination)) return {};
  if (number_in(examination, "/proc/sys/net/core/bpf_jit_enable").value_or(1) != 0) return {};
  return {{.text = "net.core.bpf_jit_enable is 0: BPF programs are interpreted, and slow",
           .remedy = "sysctl -w net.core.bpf_jit_enable=1, and restart masqd"}};
}

// The node answers a packet that is too large with an ICMP error, and some programs do not follow it.
Remarks check_mtu(const Examination& examination) {
  if (!examination.status) return unknown("only masqd knows the uplinks");
  Remarks remarks;
  for (const auto& bridge : pod_bridges(*examination.status)) {
    for (const auto& device : member(member(*examination.status, "masquerading"), "devices")) {
      const auto uplink = text_of(device, "name");
      const auto inner = mtu_of(examination, bridge), outer = mtu_of(examination, uplink);
      if (!inner || !outer || *inner <= *outer) continue;
      remarks.push_back(
          {.level = Level::note,
           .text = fmt::format("packets of {} may have {} bytes, those of {} {}: containers depend on ICMP "
                               "errors",
                               bridge, *inner, uplink, *outer),
           .remedy = fmt::format("set the MTU of {} and of its containers to {}", bridge, *outer)});
    }
  }
  return remarks;
}

Remarks check_clock(const Examination& examination) {
  if (examination.context.node.is_clock_synchronised()) return {};
  return {{.level = Level::note,
           .text = "the kernel's clock is not synchronised: times of logs and events cannot be compared with others",
           .remedy = "start an NTP client, such as systemd-timesyncd or chrony"}};
}

}  // namespace masq::cli
