// SPDX-License-Identifier: Apache-2.0
#include <fmt/chrono.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <ctime>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "cli/command.hpp"
#include "cli/doctor/check.hpp"
#include "cli/json_members.hpp"
#include "cli/mapping_text.hpp"
#include "datapath/mapping_table.hpp"
#include "model/options/values.hpp"
#include "os/tar.hpp"

namespace masq::cli {
namespace {

// A part of the dump: a name, and a path of the agent, a file, or a command with its arguments. Nothing here may have a
// secret in it: no kubeconfig, no token, no environment, no keys of tunnels (ip xfrm, wg).
struct Part {
  std::string_view name;
  std::string_view target;
};

constexpr Part documents[] = {
    {"agent/status.json", "/v1/status"},
    {"agent/options.json", "/v1/options"},
    {"agent/desired.json", "/v1/desired"},
};
constexpr Part files[] = {
    {"node/release.txt", "/proc/sys/kernel/osrelease"},
    {"node/memory.txt", "/proc/meminfo"},
    {"node/mounts.txt", "/proc/self/mountinfo"},
    {"node/tcp-udp-counters.txt", "/proc/net/snmp"},
    {"node/conntrack-counters.txt", "/proc/net/stat/nf_conntrack"},
};
constexpr Part programs[] = {
    {"node/links.txt", "ip -d -s link"},
    {"node/addresses.txt", "ip address"},
    {"node/neighbours.txt", "ip neighbour"},
    {"node/rules-ipv4.txt", "ip rule"},
    {"node/rules-ipv6.txt", "ip -6 rule"},
    {"node/routes-ipv4.txt", "ip route show table all"},
    {"node/routes-ipv6.txt", "ip -6 route show table all"},
    {"node/sysctl.txt", "sysctl net.ipv4 net.ipv6 net.core net.netfilter"},
    {"firewall/nftables.txt", "nft list ruleset"},
    {"firewall/iptables.txt", "iptables-save -c"},
    {"firewall/ip6tables.txt", "ip6tables-save -c"},
    {"bpf/attached.txt", "bpftool net"},
    {"bpf/programs.txt", "bpftool prog"},
    {"bpf/maps.txt", "bpftool map"},
    {"log/masqd.txt", "journalctl --unit masqd --lines 2000 --no-pager"},
};

constexpr std::size_t most_mappings = 10000;

// Collects the parts. What cannot be had is a line of the manifest, and no reason to stop.
class Dump {
 public:
  explicit Dump(std::string folder) : folder_(std::move(folder)) {}

  void add(std::string_view name, Result<std::string> text) {
    manifest_ += fmt::format("{}: {}\n", name, text ? "ok" : text.error().message);
    if (text)
      entries_.push_back({.name = fmt::format("{}/{}", folder_, name), .text = *std::move(text)});
    else
      ++missing_;
  }
  std::vector<os::TarEntry> entries() && {
    entries_.push_back({.name = fmt::format("{}/manifest.txt", folder_), .text = std::move(manifest_)});
    return std::move(entries_);
  }
  std::size_t missing() const { return missing_; }

 private:
  std::string folder_;
  std::vector<os::TarEntry> entries_;
  std::string manifest_;
  std::size_t missing_ = 0;
};

Result<std::string> output_of(const CommandContext& context, std::string_view command) {
  const std::string words(command);
  return context.node.run_program(values::words({&words, 1}));
}

Result<std::string> document_of(const CommandContext& context, std::string_view target) {
  TRY(auto answer, context.query_agent(target));
  return std::move(answer.body);
}

Result<std::string> mappings_of(const CommandContext& context) {
  std::string text;
  std::size_t count = 0;
  TRY_DO(context.table.for_each([&](const Mapping& mapping) {
    if (++count <= most_mappings) text += render_mapping(mapping) + "\n";
  }));
  if (count > most_mappings) text += fmt::format("and {} more\n", count - most_mappings);
  return text;
}

Dump collect(const CommandContext& context, std::string folder) {
  Dump dump(std::move(folder));
  dump.add("masq-version.txt", fmt::format("masq {}\n", MASQ_VERSION));
  dump.add("doctor.txt", doctor_report(context));
  for (const auto& [name, target] : documents) dump.add(name, document_of(context, target));
  dump.add("agent/mappings.txt", mappings_of(context));
  for (const auto& [name, path] : files) dump.add(name, context.read_file(path));
  for (const auto& [name, command] : programs) dump.add(name, output_of(context, command));
  return dump;
}

// "masq-sysdump-node1-20261128T120000Z"
std::string name_of_dump(const CommandContext& context) {
  const auto time = fmt::gmtime(std::chrono::system_clock::to_time_t(context.node.now()));
  auto host = context.read_file("/proc/sys/kernel/hostname").value_or("node");
  host = host.substr(0, std::min(host.find_first_of("\n/"), std::size_t{40}));
  return fmt::format("masq-sysdump-{}-{:%Y%m%dT%H%M%SZ}", host, time);
}

}  // namespace

int dump_system(const CommandContext& context, const Arguments& arguments) {
  const auto name = name_of_dump(context);
  const auto file = arguments.file.empty() ? name + ".tar" : arguments.file;
  auto dump = collect(context, name);
  const auto missing = dump.missing();
  const auto entries = std::move(dump).entries();
  auto tar = os::make_tar(entries, context.node.now());
  if (!tar) return exit_with_error(context, exit_failed, tar.error());
  if (auto made = context.node.create_file(file, *tar); !made)
    return exit_with_error(context, exit_failed, made.error());
  if (arguments.json)
    context.out(document_text({{"file", file}, {"parts", entries.size()}, {"missing", missing}}));
  else
    context.out(
        fmt::format("{}: {} parts; {} could not be had: see manifest.txt in it\n", file, entries.size(), missing));
  return exit_done;
}

}  // namespace masq::cli
