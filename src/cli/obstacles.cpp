// SPDX-License-Identifier: Apache-2.0
#include "cli/obstacles.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "base/address.hpp"
#include "base/port_range.hpp"
#include "base/protocol.hpp"
#include "base/result.hpp"
#include "cli/command.hpp"
#include "cli/limits.hpp"
#include "cli/mapping_text.hpp"
#include "cli/usage.hpp"
#include "datapath/mapping_table.hpp"

namespace masq::cli {
namespace {

// A pod with so few of the ports is never refused: SMALL_PART of bpf/nat/share.h.
constexpr std::uint64_t small_part(std::uint64_t ports) {
  return (ports + 768) / 1024;
}

std::uint64_t difference(std::uint64_t size, std::uint64_t used) {
  return size - std::min(size, used);
}

// What the pod itself holds of the ports toward the destination.
struct Held {
  std::uint64_t mappings = 0;  // of the connection, whatever their port
  std::uint64_t ports = 0;
  std::uint64_t gives_way = 0;  // of these
};

class Table {
 public:
  Table(const CommandContext& context, const Question& question, const Limits& limits)
      : question_(question), limits_(limits), shares_(context.table.has_shares()) {}

  Result<void> read(const CommandContext& context) {
    TRY(usage_, measure_usage(context, limits_.port_ranges));
    return context.table.for_each([this](const Mapping& mapping) { count(mapping); });
  }

  Outlook outlook() && {
    outlook_.alive = held_.mappings;
    for (const auto& one : usage_.destinations)
      if (limits_.ports != 0 && one.remote == question_.destination && one.protocol == question_.protocol &&
          one.remote_port == question_.port)
        judge_ports(one);
    judge_mappings();
    return std::move(outlook_);
  }

 private:
  void count(const Mapping& mapping) {
    if (mapping.pod != question_.source || mapping.remote != question_.destination ||
        (question_.protocol && mapping.protocol != *question_.protocol) ||
        (question_.port && mapping.remote_port != *question_.port))
      return;
    ++held_.mappings;
    const auto holds = [&](const PortRange& range) {
      return range.low <= mapping.external_port && mapping.external_port <= range.high;
    };
    if (!limits_.port_ranges.empty() && std::ranges::none_of(limits_.port_ranges, holds)) return;
    ++held_.ports;
    held_.gives_way += mapping.gives_way;
  }

  void judge_ports(const Usage::Destination& one) {
    const auto place = fmt::format("{} toward {} {}", one.external.to_string(), protocol_name(one.protocol),
                                   render_endpoint(one.remote, one.remote_port));
    const auto free = difference(limits_.ports, one.of_range);
    const auto available = free + one.gives_way;
    if (available == 0)
      obstacle("every port of {} is taken ({} of {})", place, one.of_range, limits_.ports);
    else if (shares_ && held_.gives_way == 0 && held_.ports > small_part(limits_.ports) && held_.ports >= available)
      obstacle("the pod has its share of the ports of {}: {} of {}", place, held_.ports, limits_.ports);
    else if (free == 0)
      outlook_.notes.push_back(
          fmt::format("no port of {} is free; {} of {} are of conversations that are over, which give way", place,
                      one.gives_way, one.of_range));
  }

  void judge_mappings() {
    std::uint64_t used = 0, own = 0;
    for (const auto& pod : usage_.pods) {
      if (pod.address.family() == question_.source.family()) used += pod.mappings;
      if (pod.address == question_.source) own = pod.mappings;
    }
    const auto free = difference(limits_.mappings, used);
    if (limits_.per_pod != 0 && own >= limits_.per_pod)
      obstacle("the pod has {} of {} mappings", own, limits_.per_pod);
    else if (shares_ && free != 0 && own >= free)
      obstacle("the pod has its share of the table: {} of {} mappings", own, limits_.mappings);
    if (limits_.mappings != 0 && free == 0) obstacle("{} of {} mappings are in use", used, limits_.mappings);
  }

  template <class... Values>
  void obstacle(fmt::format_string<Values...> text, Values&&... values) {
    outlook_.obstacles.push_back(fmt::format(text, std::forward<Values>(values)...));
  }

  const Question& question_;
  const Limits& limits_;
  const bool shares_;
  Usage usage_;
  Held held_;
  Outlook outlook_;
};

}  // namespace

Result<Outlook> outlook_of(const CommandContext& context, const Question& question, const Limits& limits) {
  Table table(context, question, limits);
  TRY_DO(table.read(context));
  return std::move(table).outlook();
}

}  // namespace masq::cli
