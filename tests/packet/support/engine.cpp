// SPDX-License-Identifier: Apache-2.0
#include "engine.hpp"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fmt/format.h>
#include <linux/bpf.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <numeric>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/address.hpp"
#include "base/result.hpp"
#include "bpf/abi/mapping.h"
#include "bpf/abi/reasons.h"
#include "datapath/bpf/options.hpp"
#include "datapath/bpf/pinned_table.hpp"
#include "datapath/bpf/policy_map.hpp"
#include "datapath/bpf/program.hpp"
#include "datapath/datapath.hpp"
#include "model/desired.hpp"
#include "packet.hpp"
#include "program_pool.hpp"

namespace masq::bpf::test {
namespace {

constexpr std::uint32_t test_checksum_complete = 4;  // BPF_F_TEST_SKB_CHECKSUM_COMPLETE
constexpr int loopback = 1;                          // test runs come from the namespace's lo

void require(const Result<void>& result) {
  if (!result) throw std::runtime_error(result.error().message);
}

constexpr const char* reason_words[] = {
#define WORD(name, verdict, word, meaning) word,
    MASQ_REASONS(WORD)
#undef WORD
};

// For scripts/unreached-reasons: each reason that was counted, a line of a file in the folder LAB_REASONS_SEEN.
void record_reached(const char* reason) {
  static const char* const folder = std::getenv("LAB_REASONS_SEEN");
  static std::set<std::string_view> recorded;
  if (folder == nullptr || !recorded.insert(reason).second) return;
  std::ofstream(fmt::format("{}/packet-{}", folder, getpid()), std::ios::app) << reason << '\n';
}

std::string numbered(const char* name, Family family) {
  return fmt::format("{}{}", name, static_cast<int>(family));
}

FamilyPolicy policy(const Cast& who) {
  FamilyPolicy policy;
  const int bits = address_bits(who.family);
  policy.sources = {Cidr(who.pod, bits == 32 ? 16 : 48)};
  policy.rules = {{Cidr::host(who.excluded), Decision::exclude_ip_masq_agent},
                  {Cidr::host(who.native), Decision::exclude_native_routing},
                  {Cidr::host(who.node), Decision::exclude_node},
                  {Cidr::host(who.own), Decision::exclude_own_address}};
  if (who.family == Family::ipv4) policy.rules.push_back({Cidr::host(who.broadcast), Decision::exclude_broadcast});
  return policy;
}

template <class MappingType>
void age(int fd, std::uint32_t slots, std::uint32_t ticks, bool living) {
  const std::size_t bytes = std::size_t{slots} * sizeof(MappingType);
  void* memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (memory == MAP_FAILED) throw std::runtime_error("mmap of the mappings");
  auto* mapping = static_cast<MappingType*>(memory);
  for (std::uint32_t i = 0; i < slots; ++i) {
    if (living && mapping[i].seen != 0) mapping[i].seen -= ticks;
    if (living == (mapping[i].seen != 0)) mapping[i].created -= ticks;
  }
  munmap(memory, bytes);
}

}  // namespace

Address numbered_pod(Family family, unsigned number) {
  return address(family == Family::ipv4 ? fmt::format("10.0.{}.{}", 10 + number / 250, 1 + number % 250)
                                        : fmt::format("fd00:1::{:x}:{:x}", 10 + number / 250, 1 + number % 250));
}

Cast cast(Family family) {
  if (family == Family::ipv4)
    return {family,
            address("10.0.1.5"),
            address("10.0.2.6"),
            address("203.0.113.9"),
            address("198.51.100.7"),
            address("172.20.0.3"),
            address("192.0.2.20"),
            address("192.0.2.11"),
            address("10.0.9.9"),
            address("192.0.2.10"),
            address("224.0.0.251"),
            address("192.0.2.255")};
  return {family,
          address("fd00:1::5"),
          address("fd00:1:0:2::6"),
          address("2001:db8:1::9"),
          address("2001:db8:2::7"),
          address("2001:db8:3::3"),
          address("2001:db8::20"),
          address("2001:db8::11"),
          address("fd00:1:0:9::9"),
          address("2001:db8::10"),
          address("ff02::fb"),
          address("ff02::1")};
}

Desired desired() {
  Desired desired;
  desired.uplinks = {{.ifindex = loopback,
                      .name = "lo",
                      .ipv4 = {cast(Family::ipv4).external},
                      .ipv6 = {cast(Family::ipv6).external}}};
  desired.ipv4 = policy(cast(Family::ipv4));
  desired.ipv6 = policy(cast(Family::ipv6));
  desired.ports = {{.low = 1024, .high = 29999}, {.low = 61000, .high = 65535}};
  desired.max_mappings = 4096;
  desired.max_mappings_per_pod = 4096;
  return desired;
}

Desired with_ports(std::vector<PortRange> ports, std::uint32_t mappings) {
  auto wanted = desired();
  wanted.ports = std::move(ports);
  wanted.max_mappings = wanted.max_mappings_per_pod = mappings;
  return wanted;
}

std::uint16_t source_port(const Outcome& outcome, Family family) {
  const std::size_t at = 14 + (family == Family::ipv4 ? 20u : 40u);
  return static_cast<std::uint16_t>(outcome.bytes[at] << 8 | outcome.bytes[at + 1]);
}

Engine::Engine(const Desired& desired) : program_(borrow_program(desired)) {
  require(ipv4_rules_.replace(*program_, desired));
  require(ipv6_rules_.replace(*program_, desired));
  change_policy(desired);
  require(program_->start_sweep());
  counted(Family::ipv4);
  counted(Family::ipv6);
}

void Engine::change_policy(const Desired& desired) {
  Steps steps;
  require(write_uplinks<Abi4>(*program_, desired, steps));
  require(write_uplinks<Abi6>(*program_, desired, steps));
  require(write_pod_devices<Abi4>(*program_, desired));
  require(write_pod_devices<Abi6>(*program_, desired));
  require(write_sources<Abi4>(*program_, desired));
  require(write_sources<Abi6>(*program_, desired));
  require(ipv4_rules_.change(*program_, desired));
  require(ipv6_rules_.change(*program_, desired));
}

masq_control Engine::control(Family family) const {
  masq_control control{};
  const std::uint32_t key = 0;
  if (bpf_map_lookup_elem(program_->map(numbered("control", family)), &key, &control) != 0)
    throw std::runtime_error("control");
  return control;
}

void Engine::give_order(Family family, masq_order order) const {
  const auto give = [&]<class Mapping>(Mapping* /*of this family*/) {
    auto slots = MappedArray<Mapping>::open(program_->map(numbered("mappings", family)), Access::change);
    if (!slots) throw std::runtime_error(slots.error().message);
    for (std::uint32_t i = 0; i < control(family).unused; ++i) (*slots)[i].order = static_cast<std::uint8_t>(order);
  };
  if (family == Family::ipv4) return give(static_cast<masq_mapping4*>(nullptr));
  give(static_cast<masq_mapping6*>(nullptr));
}

void Engine::pass_time(Family family, std::uint32_t seconds) {
  const auto ticks = static_cast<std::uint32_t>((seconds * 1'000'000'000ull) >>
                                                MASQ_TICK_SHIFT);  // the second time for the slots in their grace
  const int mappings = program_->map(numbered("mappings", family));
  const auto slots = control(family).unused;
  for (int sweep = 0; sweep < 2; ++sweep) {
    if (slots != 0 && family == Family::ipv4) age<masq_mapping4>(mappings, slots, ticks, sweep == 0);
    if (slots != 0 && family == Family::ipv6) age<masq_mapping6>(mappings, slots, ticks, sweep == 0);
    // One more than the slots need, as one may have been under way already.
    const auto needed = slots > 1024 ? 33u : 2u;  // a large table is gone through in 32
    for (const auto before = control(family).sweeps; control(family).sweeps < before + needed;)
      require(program_->start_sweep());
  }
}

void Engine::next_tick(Family family) {
  for (const auto now = control(family).clock; control(family).clock == now;) pass_time(family, 0);
}

std::uint64_t Engine::packets(Family family, masq_direction direction, masq_reason reason) const {
  std::vector<std::uint64_t> cpus(static_cast<std::size_t>(libbpf_num_possible_cpus()));
  const std::uint32_t key = MASQ_COUNTER(direction, reason);
  bpf_map_lookup_elem(program_->map(numbered("counters", family)), &key, cpus.data());
  return std::accumulate(cpus.begin(), cpus.end(), std::uint64_t{0});
}

masq_births Engine::births(Family family) const {
  std::vector<masq_births> cpus(static_cast<std::size_t>(libbpf_num_possible_cpus()));
  const std::uint32_t key = 0;
  bpf_map_lookup_elem(program_->map(numbered("births", family)), &key, cpus.data());
  masq_births sum{};
  for (const auto& cpu : cpus) {
    for (std::size_t i = 0; i < MASQ_CLASS_COUNT; ++i) sum.created[i] += cpu.created[i];
    for (std::size_t i = 0; i < MASQ_ATTEMPT_BUCKETS; ++i) sum.searches[i] += cpu.searches[i];
    sum.attempts += cpu.attempts;
  }
  return sum;
}

// All counters in one call: some tests send hundreds of thousands of packets.
std::vector<std::uint64_t> Engine::read_counters(Family family) const {
  const auto cpus = static_cast<std::size_t>(libbpf_num_possible_cpus());
  std::vector<std::uint32_t> keys(MASQ_COUNTER_COUNT);
  std::vector<std::uint64_t> values(MASQ_COUNTER_COUNT * cpus), sums(MASQ_COUNTER_COUNT);
  std::uint32_t position = 0, count = MASQ_COUNTER_COUNT;
  const int read = bpf_map_lookup_batch(program_->map(numbered("counters", family)), nullptr, &position, keys.data(),
                                        values.data(), &count, nullptr);
  if ((read != 0 && errno != ENOENT) || count != MASQ_COUNTER_COUNT) throw std::runtime_error("counters");
  for (std::size_t i = 0; i < values.size(); ++i) sums[keys[i / cpus]] += values[i];
  return sums;
}

std::optional<std::string> Engine::counted(Family family) const {
  auto& last = last_counters_[family == Family::ipv4 ? 0 : 1];
  auto now = read_counters(family);
  std::optional<std::string> reason;
  last.resize(MASQ_COUNTER_COUNT);
  for (std::uint32_t key = 0; key < MASQ_COUNTER_COUNT; ++key) {
    if (now[key] == last[key]) continue;
    const char* word = reason_words[key % MASQ_REASONS_MAX];
    record_reached(word);
    reason = reason || now[key] != last[key] + 1 ? "more than one" : word;
  }
  last = std::move(now);
  return reason;
}

Outcome Engine::run(int program, Family family, Bytes frame, const RunContext& context) const {
  Bytes out(frame.size() + 256);
  __sk_buff skb{};
  skb.gso_size = context.gso_size;
  skb.ingress_ifindex = context.arrived_by;
  skb.gso_segs = context.gso_size ? static_cast<std::uint32_t>(frame.size() / context.gso_size + 1) : 0;
  bpf_test_run_opts run{};
  run.sz = sizeof run;
  run.data_in = frame.data();
  run.data_size_in = static_cast<std::uint32_t>(frame.size());
  run.data_out = out.data();
  run.data_size_out = static_cast<std::uint32_t>(out.size());
  run.ctx_in = &skb;
  run.ctx_size_in = sizeof skb;
  run.flags = context.checksum_complete ? test_checksum_complete : 0;
  if (bpf_prog_test_run_opts(program, &run) != 0)
    throw std::runtime_error(fmt::format("test run: {}", std::strerror(errno)));
  out.resize(run.data_size_out);
  return {.verdict = static_cast<int>(run.retval),
          .reason = counted(family).value_or("none"),
          .bytes = std::move(out),
          .duration = std::chrono::nanoseconds(run.duration)};
}

}  // namespace masq::bpf::test
