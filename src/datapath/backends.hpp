// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "datapath/datapath.hpp"
#include "datapath/event_source.hpp"
#include "datapath/mapping_table.hpp"
#include "model/config.hpp"

namespace masq {

// A capability of Linux that a datapath uses. One that is not required is kept if masqd has it.
struct CapabilityNeed {
  int capability;            // CAP_… of <linux/capability.h>
  std::string_view purpose;  // "attach the programs to devices"
  bool required = true;
};

// One datapath: the agent and `masq` reach an implementation through its row only.
struct Backend {
  DatapathKind kind;
  const char* word;        // the value of the option `datapath`
  bool conntrack_decides;  // ports, timeouts and limits are those of conntrack
  // Of a later change too: a new uplink, another program, another rule.
  std::vector<CapabilityNeed> (*needs)();
  // Returns the first missing feature of this machine as an error; changes nothing.
  Result<void> (*probe)();
  // Fails if the kernel cannot be queried for the datapath; then it has no state of masq. `bpf_root`: a bpffs.
  Result<std::unique_ptr<Datapath>> (*make)(const std::filesystem::path& bpf_root);
  std::unique_ptr<MappingTable> (*make_table)(const std::filesystem::path& bpf_root);
  // Opens the events of new and ended mappings, and of dropped packets unless conntrack decides.
  Result<std::unique_ptr<EventSource>> (*open_events)(const std::filesystem::path& bpf_root);
};

// Sorted by the preference of `auto`.
std::span<const Backend> backends();

// Returns the needs of all datapaths, none of them required: for a change from one datapath to another.
std::vector<CapabilityNeed> needs_of_any_datapath();

// Returns the directory of masq's objects in a bpffs.
std::filesystem::path pins_directory(const std::filesystem::path& bpf_root);

// Returns the tables of all datapaths as one (joined_table.hpp).
std::unique_ptr<MappingTable> open_mapping_tables(const std::filesystem::path& bpf_root);

// Opens the source of the datapath that is in the kernel, with or without an agent. Fails if none is, or if it cannot
// record any of these types.
Result<std::unique_ptr<EventSource>> open_event_source(const std::filesystem::path& bpf_root, const EventTypes& types);

}  // namespace masq
