// SPDX-License-Identifier: Apache-2.0
#include "subjects.hpp"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fmt/format.h>
#include <sys/mman.h>

#include <algorithm>
#include <cstring>
#include <random>
#include <stdexcept>

#include "floor_bpf.skel.h"

namespace masq::bpf::bench {
namespace {

constexpr std::uint32_t external = 0xc000020a;  // 192.0.2.10

struct FloorValue {
  std::uint32_t address;
  std::uint16_t port;
  std::uint16_t zero = 0;
  std::uint64_t reserved[2] = {};
};

void require(bool ok, const char* what) {
  if (!ok) throw std::runtime_error(fmt::format("{}: {}", what, std::strerror(errno)));
}

}  // namespace

std::vector<Flow> make_flows(std::uint32_t count, std::uint32_t seed) {
  std::vector<Flow> flows;
  flows.reserve(count);
  for (std::uint32_t i = 0; i < count; ++i)
    flows.push_back({.source = htonl(0x0a010000 + i % 200),
                     .destination = htonl(0xcb007100 + seed % 256),
                     .source_port = htons(static_cast<std::uint16_t>(2000 + i % 20000)),
                     .destination_port = htons(static_cast<std::uint16_t>(1000 + i / 20000 + 100 * (seed / 256)))});
  std::ranges::shuffle(flows, std::mt19937(seed));
  return flows;
}

std::vector<Flow> answers_of(const std::vector<Flow>& flows) {
  std::vector<Flow> answers;
  answers.reserve(flows.size());
  for (const auto& flow : flows)
    answers.push_back({.source = flow.destination,
                       .destination = htonl(external),
                       .source_port = flow.destination_port,
                       .destination_port = flow.source_port});
  return answers;
}

Presenter::Presenter() {
  load();
}
Presenter::~Presenter() {
  floor_bpf::destroy(floor_);
}

void Presenter::load() {
  floor_ = floor_bpf::open_and_load();
  require(floor_ != nullptr, "load the floor programs");
}

void Presenter::floor_renew() {
  floor_bpf::destroy(floor_);
  in_use_.clear();
  load();
}

void Presenter::use(const std::vector<Flow>& flows) {
  if (flows == in_use_) return;
  in_use_ = flows;
  const std::size_t bytes = flows.size() * sizeof(Flow);
  void* memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, bpf_map__fd(floor_->maps.flows), 0);
  require(memory != MAP_FAILED, "mmap");
  std::memcpy(memory, flows.data(), bytes);
  munmap(memory, bytes);
  floor_->bss->next_flow = 0;
  floor_->data->flow_count = static_cast<std::uint32_t>(flows.size());
}

namespace {

test::Packet segment(Family family, Path path, std::uint8_t tcp_flags) {
  if (family == Family::ipv4)
    return test::tcp({test::address("10.1.0.1"), 1}, {test::address("203.0.113.1"), 1}, tcp_flags);
  const auto pod = test::address("fd00::a01:1"), world = test::address("2001:db8:1::cb00:7101"),
             node = test::address("2001:db8::c000:20a");
  if (path == Path::pod_to_world) return test::tcp({pod, 1}, {world, 1}, tcp_flags);
  if (path == Path::world_to_node) return test::tcp({world, 1}, {node, 1}, tcp_flags);
  return test::tcp({node, 1}, {world, 1}, tcp_flags);
}

}  // namespace

double Presenter::time(int program, std::uint32_t runs, std::uint8_t tcp_flags, Family family, Path path) const {
  const std::uint32_t zero = 0;
  require(bpf_map_update_elem(bpf_map__fd(floor_->maps.subject), &zero, &program, BPF_ANY) == 0, "subject");
  const auto packet = segment(family, path, tcp_flags);
  auto frame = packet.frame();
  if (family == Family::ipv6) {
    auto& data = *floor_->bss;
    std::memcpy(data.source_prefix, packet.from.address.bytes().data(), sizeof data.source_prefix);
    std::memcpy(data.destination_prefix, packet.to.address.bytes().data(), sizeof data.destination_prefix);
  }
  bpf_test_run_opts run{};
  run.sz = sizeof run;
  run.data_in = frame.data();
  run.data_size_in = static_cast<std::uint32_t>(frame.size());
  run.repeat = static_cast<int>(runs);
  require(bpf_prog_test_run_opts(bpf_program__fd(floor_->progs.present), &run) == 0, "test run");
  return run.duration;
}

void Presenter::floor_clear() {
  const int map = bpf_map__fd(floor_->maps.floor_table);
  Flow key{};
  std::vector<Flow> keys;
  while (bpf_map_get_next_key(map, keys.empty() ? nullptr : &keys.back(), &key) == 0) keys.push_back(key);
  for (const auto& gone : keys) bpf_map_delete_elem(map, &gone);
}

void Presenter::floor_fill(const std::vector<Flow>& flows) {
  const int map = bpf_map__fd(floor_->maps.floor_table);
  const auto answers = answers_of(flows);
  for (std::size_t i = 0; i < flows.size(); ++i) {
    const FloorValue out{.address = htonl(external), .port = flows[i].source_port};
    const FloorValue back{.address = flows[i].source, .port = flows[i].source_port};
    require(bpf_map_update_elem(map, &answers[i], &back, BPF_ANY) == 0, "floor table");
    require(bpf_map_update_elem(map, &flows[i], &out, BPF_ANY) == 0, "floor table");
  }
}

Desired bench_desired(std::uint32_t exclusions) {
  Desired desired = test::desired();
  desired.ipv4.sources = {*Cidr::parse("10.0.0.0/8")};
  desired.ipv4.rules = {{*Cidr::parse("198.51.100.0/24"), Decision::exclude_ip_masq_agent}};
  for (std::uint32_t i = 1; i < exclusions; ++i) {
    const std::uint32_t address = htonl(0x20000000 + (i << 9));  // from 32.0.0.0 on, every second /24
    const auto* bytes = reinterpret_cast<const std::uint8_t*>(&address);
    desired.ipv4.rules.push_back({Cidr(Address::from_bytes(std::span(bytes, 4)), 24), Decision::exclude_ip_masq_agent});
  }
  std::ranges::sort(desired.ipv4.rules);
  desired.ipv6.sources = {*Cidr::parse("fd00::a00:0/104")};
  desired.ipv6.rules = {{*Cidr::parse("2001:db8:1::c633:6400/120"), Decision::exclude_ip_masq_agent}};
  for (std::uint32_t i = 1; i < exclusions; ++i)
    desired.ipv6.rules.push_back({*Cidr::parse(fmt::format("2001:db8:{:x}:{:x}::/64", 2 + (i >> 16), i & 0xffff)),
                                  Decision::exclude_ip_masq_agent});
  std::ranges::sort(desired.ipv6.rules);
  desired.uplinks[0].ipv6 = {test::address("2001:db8::c000:20a")};
  desired.max_mappings = most_mappings + most_mappings / 50;  // a pod gets none while it holds as many as are free
  desired.max_mappings_per_pod = most_mappings;
  desired.ports = {{.low = 1024, .high = 65535}};
  return desired;
}

}  // namespace masq::bpf::bench
