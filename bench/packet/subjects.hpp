// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "engine.hpp"

struct floor_bpf;

namespace masq::bpf::bench {

constexpr std::uint32_t most_mappings = 1'000'000;  // both tables have room for so many

// As floor.bpf.c presents it to the program that is measured; network byte order.
struct Flow {
  std::uint32_t source;
  std::uint32_t destination;
  std::uint16_t source_port;
  std::uint16_t destination_port;
  std::uint32_t zero = 0;
  bool operator==(const Flow&) const = default;
};

// `count` flows of pods to the world in scrambled order; other seeds give other flows.
std::vector<Flow> make_flows(std::uint32_t count, std::uint32_t seed);
// How the answers of masqueraded flows come in, given that the source port was kept.
std::vector<Flow> answers_of(const std::vector<Flow>& flows);

// Who sends to whom: in IPv6 that is the addresses' first twelve octets.
enum class Path { pod_to_world, world_to_node, node_to_world };

// Runs programs on flows. One process, one CPU.
class Presenter {
 public:
  Presenter();
  ~Presenter();
  Presenter(const Presenter&) = delete;

  floor_bpf& floor() const { return *floor_; }  // until the next floor_renew()
  // Flows that are in use already go on where they are: in the end all of them have been seen, however short the runs.
  void use(const std::vector<Flow>& flows);
  // ns per packet of `program` on the flows in use, with what presenting costs. `runs` packets with these TCP flags.
  double time(int program, std::uint32_t runs, std::uint8_t tcp_flags, Family family = Family::ipv4,
              Path path = Path::pod_to_world) const;

  // The floor's table: a new one; emptied; filled with flows and their answers.
  void floor_renew();
  void floor_clear();
  void floor_fill(const std::vector<Flow>& flows);

 private:
  void load();

  floor_bpf* floor_ = nullptr;
  std::vector<Flow> in_use_;
};

// A desired state for measuring: pods 10.0.0.0/8 and fd00::10.0.0.0/104, room for a million mappings, `exclusions`
// excluded CIDRs, among them 198.51.100.0/24 and 2001:db8:1::198.51.100.0/120.
Desired bench_desired(std::uint32_t exclusions);

}  // namespace masq::bpf::bench
