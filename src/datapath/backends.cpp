// SPDX-License-Identifier: Apache-2.0
#include "datapath/backends.hpp"

#include <linux/capability.h>

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "datapath/bpf/bpf_datapath.hpp"
#include "datapath/bpf/bpf_table.hpp"
#include "datapath/bpf/events.hpp"
#include "datapath/bpf/pins.hpp"
#include "datapath/event_source.hpp"
#include "datapath/iptables/iptables_datapath.hpp"
#include "datapath/iptables/iptables_table.hpp"
#include "datapath/joined_table.hpp"
#include "datapath/mapping_table.hpp"
#include "datapath/netfilter/conntrack_events.hpp"
#include "datapath/nftables/nftables_datapath.hpp"
#include "datapath/nftables/nftables_table.hpp"
#include "model/config.hpp"
#include "os/process.hpp"

namespace masq {
namespace {

using Path = std::filesystem::path;

template <class Table>
std::unique_ptr<MappingTable> make_conntrack_table(const Path&) {
  return std::make_unique<Table>();
}

template <class Table>
Result<std::unique_ptr<EventSource>> open_table_events(const Path&) {
  return netfilter::open_conntrack_events([table = std::make_shared<Table>()] { return table->pods(); });
}

// iptables-legacy-save opens a raw socket. The notes on rules of other programs need it.
void add_legacy_lists(std::vector<CapabilityNeed>& needs) {
  if (os::has_program("iptables-legacy-save"))
    needs.push_back({.capability = CAP_NET_RAW, .purpose = "list the rules of iptables-legacy", .required = false});
}

std::vector<CapabilityNeed> needs_of_bpf() {
  std::vector<CapabilityNeed> needs = {
      {.capability = CAP_BPF, .purpose = "create maps and load programs"},
      {.capability = CAP_NET_ADMIN, .purpose = "load programs for packets and attach them to devices"},
      {.capability = CAP_PERFMON, .purpose = "load programs that calculate with pointers"}};
  add_legacy_lists(needs);
  return needs;
}

std::vector<CapabilityNeed> needs_of_nftables() {
  std::vector<CapabilityNeed> needs = {{.capability = CAP_NET_ADMIN, .purpose = "change the rules of nftables"}};
  add_legacy_lists(needs);
  return needs;
}

std::vector<CapabilityNeed> needs_of_iptables() {
  return {{.capability = CAP_NET_ADMIN, .purpose = "change the rules of iptables"},
          {.capability = CAP_NET_RAW, .purpose = "use sets in the rules of iptables: its tools open a raw socket"}};
}

constexpr Backend rows[] = {
    {.kind = DatapathKind::bpf,
     .word = "bpf",
     .conntrack_decides = false,
     .needs = needs_of_bpf,
     .probe = bpf::probe,
     .make = [](const Path& bpf_root) { return bpf::make_datapath(bpf_root); },
     .make_table = [](const Path& bpf_root) -> std::unique_ptr<MappingTable> {
       return std::make_unique<bpf::BpfTable>(bpf_root);
     },
     .open_events = bpf::open_events},
    {.kind = DatapathKind::nftables,
     .word = "nftables",
     .conntrack_decides = true,
     .needs = needs_of_nftables,
     .probe = nftables::probe,
     .make = [](const Path&) { return nftables::make_datapath(); },
     .make_table = make_conntrack_table<nftables::NftablesTable>,
     .open_events = open_table_events<nftables::NftablesTable>},
    {.kind = DatapathKind::iptables,
     .word = "iptables",
     .conntrack_decides = true,
     .needs = needs_of_iptables,
     .probe = iptables::probe,
     .make = [](const Path&) { return iptables::make_datapath(); },
     .make_table = make_conntrack_table<iptables::IptablesTable>,
     .open_events = open_table_events<iptables::IptablesTable>},
};

}  // namespace

std::span<const Backend> backends() {
  return rows;
}

std::vector<CapabilityNeed> needs_of_any_datapath() {
  std::vector<CapabilityNeed> all;
  for (const auto& row : rows) std::ranges::move(row.needs(), std::back_inserter(all));
  for (auto& need : all) need.required = false;
  return all;
}

Path pins_directory(const Path& bpf_root) {
  return bpf::Pins(bpf_root).root();
}

std::unique_ptr<MappingTable> open_mapping_tables(const Path& bpf_root) {
  JoinedTable::Tables tables;
  for (const auto& row : rows) tables.push_back(row.make_table(bpf_root));
  return std::make_unique<JoinedTable>(std::move(tables));
}

Result<std::unique_ptr<EventSource>> open_event_source(const Path& bpf_root, const EventTypes& types) {
  const auto found = std::ranges::find_if(
      rows, [&](const Backend& row) { return row.make_table(bpf_root)->exists().value_or(false); });
  const auto& row = found == std::end(rows) ? rows[0] : *found;
  // conntrack has no entry for a packet that is dropped.
  if (row.conntrack_decides && types == EventTypes{"drop"})
    return fail("the {} datapath records no dropped packets; `masq status` and the metrics count them", row.word);
  return row.open_events(bpf_root);
}

}  // namespace masq
