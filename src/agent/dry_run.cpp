// SPDX-License-Identifier: Apache-2.0
#include "agent/dry_run.hpp"

#include <fmt/ranges.h>
#include <spdlog/sinks/null_sink.h>
#include <unistd.h>

#include <chrono>
#include <expected>
#include <iterator>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "agent/datapath_choice.hpp"
#include "agent/sources/config_sources.hpp"
#include "agent/sources/kubernetes_options.hpp"
#include "agent/sources/node_sources.hpp"
#include "agent/sources/source_set.hpp"
#include "base/address.hpp"
#include "base/cidr.hpp"
#include "base/duration.hpp"
#include "base/port_range.hpp"
#include "base/result.hpp"
#include "datapath/datapath.hpp"
#include "model/config.hpp"
#include "model/desired.hpp"
#include "model/finding.hpp"
#include "model/node.hpp"
#include "os/event_loop.hpp"
#include "os/mount.hpp"

namespace masq::agent {
namespace {

constexpr auto answer_limit = std::chrono::seconds(15);  // of the API of Kubernetes

using Lines = std::back_insert_iterator<std::string>;

std::string words(const std::vector<Address>& addresses) {
  if (addresses.empty()) return "none";
  std::string text;
  for (const auto& address : addresses) fmt::format_to(std::back_inserter(text), " {}", address.to_string());
  return text.substr(1);
}

void render_family(Lines out, std::string_view name, const FamilyPolicy& family) {
  if (!family.enabled) {
    fmt::format_to(out, "{}: disabled\n", name);
    return;
  }
  fmt::format_to(out, "{}: masquerades packets from {}, except toward\n", name,
                 family.sources.empty() ? "nowhere" : join(family.sources));
  for (const auto& source : family.sources) fmt::format_to(out, "  {} (pod CIDR)\n", source.to_string());
  for (const auto& rule : family.rules)
    fmt::format_to(out, "  {} ({})\n", rule.destination.to_string(), to_string(rule.decision));
}

Result<Node> read_node(const Config& config) {
  TRY(const auto loop, os::EventLoop::open());
  spdlog::logger silent("masqd", std::make_shared<spdlog::sinks::null_sink_st>());
  SourceSet sources(silent);
  const auto environment = read_environment(environ);
  TRY_DO(add_node_sources(sources, config,
                          {.loop = *loop,
                           .changed = [] {},
                           .api = open_kubernetes_api(*loop, config, environment),
                           .node_name = kubernetes_node_name(config, environment)}));
  auto node = sources.gather();
  for (const auto end = loop->now() + answer_limit; !node && loop->now() < end; node = sources.gather())
    TRY_DO(loop->run_once(std::chrono::milliseconds(100)));
  for (const auto& source : sources.states())
    if (!source.error.empty()) return fail("{}: {}", source.name, source.error);
  return node;
}

}  // namespace

std::string render_desired(const Desired& desired) {
  std::string text;
  auto out = std::back_inserter(text);
  for (const auto& uplink : desired.uplinks)
    fmt::format_to(out, "uplink {} ({}): IPv4 {}; IPv6 {}\n", uplink.name, uplink.ifindex, words(uplink.ipv4),
                   words(uplink.ipv6));
  render_family(out, "IPv4", desired.ipv4);
  render_family(out, "IPv6", desired.ipv6);
  fmt::format_to(out, "ip-masq-agent: {}\n", desired.ip_masq_agent ? "on" : "off");
  fmt::format_to(out, "source address of the route: {}\n", desired.kernel.route_source ? "yes" : "no");
  fmt::format_to(out, "verification of source addresses: {}\n", desired.kernel.verify_source ? "on" : "off");
  fmt::format_to(out, "ports: {}{}\n", join(desired.ports), desired.kernel.random_fully ? ", chosen at random" : "");
  if (!desired.kept_ports.empty())
    fmt::format_to(out, "ports that are kept, or chosen for a source port below 1024: {}\n", join(desired.kept_ports));
  fmt::format_to(out, "mappings: at most {} per family, {} per pod\n", desired.max_mappings,
                 desired.max_mappings_per_pod);
  const auto& timeouts = desired.kernel.timeouts;
  fmt::format_to(out, "timeouts: TCP established {}, TCP transitory {}, UDP {}, DNS {}, ICMP {}, other {}\n",
                 format_duration(timeouts.tcp_established), format_duration(timeouts.tcp_transitory),
                 format_duration(timeouts.udp), format_duration(timeouts.dns), format_duration(timeouts.icmp),
                 format_duration(timeouts.other));
  for (const auto& problem : texts_of(desired.findings, Severity::problem))
    fmt::format_to(out, "problem: {}\n", problem);
  for (const auto& note : texts_of(desired.findings, Severity::note)) fmt::format_to(out, "note: {}\n", note);
  return text;
}

std::string render_steps(const Steps& steps) {
  if (steps.empty()) return "steps: none, the kernel is as desired\n";
  return fmt::format("steps:\n  {}\n", fmt::join(steps, "\n  "));
}

Result<Desired> desired_now(const Config& config) {
  TRY(auto node, read_node(config));
  return decide(config, node);
}

Result<Steps> steps_to(const Config& config, const Desired& desired) {
  TRY(auto choice, choose_datapath(config));
  auto steps = choice.datapath->plan(desired);
  if (choice.kind != DatapathKind::bpf) return steps;
  TRY(auto mounted, os::is_bpffs(config.bpf_root));
  if (steps && !mounted) steps->insert(steps->begin(), fmt::format("mount a bpffs at {}", config.bpf_root));
  return steps;
}

}  // namespace masq::agent
