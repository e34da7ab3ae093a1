// SPDX-License-Identifier: Apache-2.0
#include "reports.hpp"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <algorithm>
#include <cstdio>
#include <random>
#include <stdexcept>

#include "datapath/bpf/pinned_table.hpp"
#include "floor_bpf.skel.h"
#include "masq_bpf.skel.h"

namespace masq::bpf::bench {
namespace {

double percentile(const std::vector<double>& sorted, double share) {
  return sorted[static_cast<std::size_t>(share * static_cast<double>(sorted.size() - 1))];
}

// --- sweep -----------------------------------------------------------------------------------------------------------

int sweep_program(const test::Engine& engine, Family family) {
  const auto& programs = engine.program().skeleton()->progs;
  return bpf_program__fd(family == Family::ipv4 ? programs.sweep_start4 : programs.sweep_start6);
}

double sweep_once(int program) {
  std::uint8_t frame[64] = {};
  bpf_test_run_opts run{};
  run.sz = sizeof run;
  run.data_in = frame;
  run.data_size_in = sizeof frame;
  if (bpf_prog_test_run_opts(program, &run) != 0) throw std::runtime_error("test run of the sweep");
  return run.duration;
}

// --- ports -----------------------------------------------------------------------------------------------------------

constexpr std::uint32_t ports = 64512;          // of bench_desired()
constexpr std::uint32_t sampler = 0x0a02'0000;  // pods that only ask for ports
constexpr std::uint32_t pods = 1024;            // so many that no pod reaches its share (bpf/nat/share.h)

std::vector<Flow> toward_one_endpoint(std::uint32_t first_pod, std::uint32_t count, std::uint32_t first_port) {
  std::vector<Flow> flows;
  for (std::uint32_t i = 0; i < count; ++i)
    flows.push_back({.source = htonl(first_pod + i % pods),
                     .destination = htonl(0xcb007109),
                     .source_port = htons(static_cast<std::uint16_t>(first_port + i % ports)),
                     .destination_port = htons(443)});
  return flows;
}

template <class Mapping, class Change>
void change_slots(test::Engine& engine, Family family, Change change) {
  auto slots = MappedArray<Mapping>::open(engine.program().map(map_name("mappings", family)), Access::change);
  if (!slots) throw std::runtime_error(slots.error().message);
  for (std::uint32_t i = 0; i < engine.control(family).unused; ++i) change((*slots)[i]);
}

template <class Change>
void change_mappings(test::Engine& engine, Family family, Change change) {
  family == Family::ipv4 ? change_slots<masq_mapping4>(engine, family, change)
                         : change_slots<masq_mapping6>(engine, family, change);
}

// Ends the mappings of the pods that only ask, so that as many ports are free as before.
void settle(test::Engine& engine, Family family, std::uint32_t taken) {
  change_mappings(engine, family, [](auto& mapping) {
    const auto word = std::size(mapping.flow.src.word) - 1;
    if (mapping.slot == MASQ_SLOT_LINKED && (ntohl(mapping.flow.src.word[word]) & 0xffff0000) == sampler)
      mapping.seen = 0;
  });
  while (engine.control(family).used > taken) sweep_once(sweep_program(engine, family));
}

// Every connection is closed by both sides, and a SYN of Presenter's exceeds its last number.
void quarantine_all(test::Engine& engine, Family family) {
  change_mappings(engine, family, [](auto& mapping) {
    mapping.state = MASQ_STATE_CLOSING;
    mapping.flags |= MASQ_FIN_FROM_POD | MASQ_FIN_FROM_REMOTE;
    mapping.pod_seq = test::Packet{}.sequence - 1000;
    mapping.pod_ack = 0;
  });
}

struct Fill {
  const char* name;
  double share;  // of all ports
  bool quarantined;
};

// A search, and after it 40 packets of the same flow, which take about as long and search nothing: what they cost
// beyond the median is the machine's (interrupts, cold caches).
struct Times {
  std::vector<double> searches;
  std::vector<double> others;
};

// First packets, one at a time, each of a pod of its own and from a port outside the range, so that one has to be
// found.
Times time_searches(test::Engine& engine, Presenter& presenter, Family family, const Fill& fill) {
  constexpr std::uint32_t batch = 50, batches = 400, batches_of_quarantined = 100;  // these take ports for good
  constexpr std::uint32_t packets_like_a_search = 40;
  const auto taken = engine.control(family).used;
  const int egress = engine.program().egress();
  Times times;
  for (std::uint32_t i = 0; i < batch * (fill.quarantined ? batches_of_quarantined : batches); ++i) {
    presenter.use(toward_one_endpoint(sampler + i % 50000, 1, 1));
    times.searches.push_back(presenter.time(egress, 1, test::syn, family));
    times.others.push_back(presenter.time(egress, packets_like_a_search, test::ack, family) * packets_like_a_search);
    if (i % batch != batch - 1) continue;
    if (fill.quarantined)
      sweep_once(sweep_program(engine, family));
    else
      settle(engine, family, taken);
  }
  if (fill.quarantined && engine.control(family).used != taken)
    throw std::runtime_error("not each one took a port back");
  std::ranges::sort(times.searches);
  std::ranges::sort(times.others);
  return times;
}

}  // namespace

void report_sweep(Family family) {
  test::Engine engine(bench_desired(10));
  Presenter presenter;
  presenter.use(make_flows(most_mappings, 1));
  presenter.time(engine.program().egress(), most_mappings, test::syn, family);
  std::vector<double> ticks;
  for (int tick = 0; tick < 4 * 32; ++tick) ticks.push_back(sweep_once(sweep_program(engine, family)));
  if (engine.control(family).used != most_mappings) throw std::runtime_error("mappings ended meanwhile");
  std::ranges::sort(ticks);
  constexpr double tick_ns = 1u << MASQ_TICK_SHIFT;
  std::printf("IPv%d: a tick of the sweep with %u mappings: median %.0f us, greatest %.0f us; %.2f %% of a CPU\n",
              static_cast<int>(family), most_mappings, percentile(ticks, 0.5) / 1e3, ticks.back() / 1e3,
              100 * percentile(ticks, 0.5) / tick_ns);
}

void report_memory(Family family) {
  for (const std::uint32_t mappings : {524'288u, most_mappings}) {
    auto desired = bench_desired(10);
    desired.max_mappings = mappings;
    const test::Engine engine(desired);
    const auto bytes = [&](const char* map) { return map_memory(engine.program().map(map_name(map, family))); };
    const auto slots = bytes("mappings"), forward = bytes("forward"), reply = bytes("reply");
    std::uint64_t other = 0;
    for (const char* map : {"control", "locks", "pods", "uplinks", "counters", "known_ports", "port_search",
                            "node_flows", "refusals", "held", "held_index", "births", "sweeper", "steps"})
      other += bytes(map);
    const auto each = [&](std::uint64_t all) { return static_cast<double>(all) / mappings; };
    std::printf(
        "IPv%d: memory for nat-max-mappings %u: %.1f bytes per mapping, both directions (slots %.1f, forward %.1f, "
        "reply %.1f); all other maps %.2f MB\n",
        static_cast<int>(family), mappings, each(slots + forward + reply), each(slots), each(forward), each(reply),
        static_cast<double>(other) / 1e6);
  }
}

void report_ports(Family family) {
  std::printf(
      "| ports taken | p50 us | p99 us | p99.9 us | greatest us | 40 packets: p50 us | p99.9 us |\n"
      "| --- | ---: | ---: | ---: | ---: | ---: | ---: |\n");
  constexpr Fill fills[] = {{"none", 0, false},    {"50 %", 0.5, false},  {"90 %", 0.9, false},
                            {"99 %", 0.99, false}, {"100 %", 1.0, false}, {"100 %, quarantined", 1.0, true}};
  for (const auto& fill : fills) {
    test::Engine engine(bench_desired(10));
    Presenter presenter;
    auto takers = toward_one_endpoint(0x0a010000, ports, 1024);
    std::ranges::shuffle(takers, std::mt19937(5));
    takers.resize(std::max<std::size_t>(static_cast<std::size_t>(fill.share * ports), 1));
    const auto taken = static_cast<std::uint32_t>(takers.size());
    presenter.use(takers);
    presenter.time(engine.program().egress(), taken, test::syn, family);
    if (engine.control(family).used != taken) throw std::runtime_error("not every port is taken");
    if (fill.quarantined) quarantine_all(engine, family);
    const auto [searches, others] = time_searches(engine, presenter, family, fill);
    std::printf("| IPv%d, %s | %.1f | %.1f | %.1f | %.1f | %.1f | %.1f |\n", static_cast<int>(family), fill.name,
                percentile(searches, 0.5) / 1e3, percentile(searches, 0.99) / 1e3, percentile(searches, 0.999) / 1e3,
                searches.back() / 1e3, percentile(others, 0.5) / 1e3, percentile(others, 0.999) / 1e3);
  }
}

}  // namespace masq::bpf::bench
