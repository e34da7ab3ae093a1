// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <expected>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "cli/agent_document.hpp"
#include "cli/command.hpp"
#include "cli/usage.hpp"

namespace masq::cli {

// What `masq doctor` looks at. The checks read further facts of the node through `context.node`.
struct Examination {
  const CommandContext& context;
  std::expected<nlohmann::ordered_json, NoDocument> status;  // of the agent
  nlohmann::ordered_json later;                              // the same a second later; null without the agent
  nlohmann::ordered_json options;                            // /v1/options; null without the agent
  Result<Usage> usage;                                       // of the table of mappings
};

// unknown: the check could not be made. note: it works, and could be better.
enum class Level : std::uint8_t { unknown, note, fault };

struct Remark {
  Level level = Level::fault;
  std::string text;
  std::string remedy;
};
using Remarks = std::vector<Remark>;  // empty: ok

// The only remark of a check that could not be made.
Remarks unknown(std::string why);

struct Check {
  std::string_view name;
  std::string_view findings{};  // words of model/finding.hpp: problems and notes of the agent; empty: `run`
  Remarks (*run)(const Examination&) = nullptr;
};

// What `masq doctor` prints.
std::string doctor_report(const CommandContext& context);

// In the order of the report.
std::span<const Check> checks();
Remarks run_check(const Check& check, const Examination& examination);

// Checks of the table of mappings and of the packets.
Remarks check_table_size(const Examination& examination);
Remarks check_pods_at_limit(const Examination& examination);
Remarks check_destinations(const Examination& examination);
Remarks check_drops(const Examination& examination);

// Checks of the node.
Remarks check_bpffs(const Examination& examination);
Remarks check_kernel_release(const Examination& examination);
Remarks check_jit(const Examination& examination);
Remarks check_mtu(const Examination& examination);
Remarks check_clock(const Examination& examination);
Remarks check_forward_rules(const Examination& examination);

// The agent is there, and its datapath is bpf.
bool uses_bpf(const Examination& examination);

// A pod CIDR that masqd knows, and the bridge that has it.
struct PodNetwork {
  std::string cidr;
  std::string bridge;  // empty: not from a bridge
};
std::vector<PodNetwork> pod_networks(const nlohmann::ordered_json& status);

}  // namespace masq::cli
