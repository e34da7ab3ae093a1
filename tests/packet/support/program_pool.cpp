// SPDX-License-Identifier: Apache-2.0
#include "program_pool.hpp"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fmt/format.h>
#include <linux/bpf.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <ctime>
#include <numeric>
#include <stdexcept>
#include <utility>
#include <vector>

#include "datapath/bpf/options.hpp"
#include "datapath/bpf/program.hpp"
#include "masq_bpf.skel.h"
#include "model/desired.hpp"

namespace masq::bpf::test {
namespace {

constexpr std::uint32_t most_kept_mappings = 8192;  // a larger table costs more to empty than to make

// What makes two programs the same. The seeds of their tables differ.
struct Kind {
  ProgramOptions options;
  bool ipv4 = false, ipv6 = false;
  bool operator==(const Kind&) const = default;
};

Kind kind_of(const Desired& desired) {
  const TableSize size = table_size(desired.max_mappings);
  return {.options = {.ipv4 = make_options<Abi4>(desired, size, 0),
                      .ipv6 = make_options<Abi6>(desired, size, 0),
                      .without_ethernet =
                          std::ranges::any_of(desired.uplinks, [](const auto& device) { return !device.ethernet; })},
          .ipv4 = desired.ipv4.enabled,
          .ipv6 = desired.ipv6.enabled};
}

std::vector<std::pair<Kind, std::unique_ptr<Program>>>& idle_programs() {
  static std::vector<std::pair<Kind, std::unique_ptr<Program>>> programs;
  return programs;
}

[[noreturn]] void fail_to_empty(const bpf_map* map) {
  throw std::runtime_error(fmt::format("empty {}: {}", bpf_map__name(map), std::strerror(errno)));
}

void zero_array(const bpf_map* map, std::size_t octets_of_value) {
  std::vector<std::uint32_t> keys(bpf_map__max_entries(map));
  std::iota(keys.begin(), keys.end(), 0u);
  const std::vector<std::uint8_t> values(keys.size() * octets_of_value);
  auto count = static_cast<std::uint32_t>(keys.size());
  if (bpf_map_update_batch(bpf_map__fd(map), keys.data(), values.data(), &count, nullptr) != 0) fail_to_empty(map);
}

void delete_all(const bpf_map* map) {
  std::vector<std::uint8_t> key(bpf_map__key_size(map));
  while (bpf_map_get_next_key(bpf_map__fd(map), nullptr, key.data()) == 0)
    if (bpf_map_delete_elem(bpf_map__fd(map), key.data()) != 0 && errno != ENOENT) fail_to_empty(map);
}

void drain(const bpf_map* map) {
  const auto forget = [](void*, void*, std::size_t) { return 0; };
  ring_buffer* ring = ring_buffer__new(bpf_map__fd(map), forget, nullptr, nullptr);
  if (ring == nullptr) fail_to_empty(map);
  ring_buffer__consume(ring);
  ring_buffer__free(ring);
}

void empty(const bpf_map* map) {
  switch (bpf_map__type(map)) {
    case BPF_MAP_TYPE_ARRAY:
      return zero_array(map, (bpf_map__value_size(map) + 7) / 8 * 8);
    case BPF_MAP_TYPE_PERCPU_ARRAY:
      return zero_array(map,
                        (bpf_map__value_size(map) + 7) / 8 * 8 * static_cast<unsigned>(libbpf_num_possible_cpus()));
    case BPF_MAP_TYPE_RINGBUF:
      return drain(map);
    case BPF_MAP_TYPE_ARRAY_OF_MAPS:
      return;  // the next policy replaces it
    default:
      return delete_all(map);
  }
}

// A timer that is overwritten is cancelled, so nothing sweeps the table meanwhile.
void empty_all(const Program& program) {
  masq_bpf* skeleton = program.skeleton();
  const auto& maps = skeleton->maps;
  for (const bpf_map* sweeper : {maps.sweeper4, maps.sweeper6}) empty(sweeper);
  bpf_map* map = nullptr;
  bpf_object__for_each_map(map, skeleton->obj) {
    const bool is_constant = bpf_map__is_internal(map) || map == maps.steps4 || map == maps.steps6;
    if (!is_constant) empty(map);
  }
  *skeleton->bss = {};
}

void give_back(const Kind& kind, std::unique_ptr<Program> program) {
  if (kind.options.ipv4.slots > most_kept_mappings) return;
  empty_all(*program);
  if (!program->initialise_tables()) return;
  idle_programs().emplace_back(kind, std::move(program));
}

}  // namespace

BorrowedProgram borrow_program(const Desired& desired) {
  const Kind kind = kind_of(desired);
  const auto lend = [&](Program* program) {
    return BorrowedProgram(program, [kind](Program* back) { give_back(kind, std::unique_ptr<Program>(back)); });
  };
  auto& idle = idle_programs();
  const auto found = std::ranges::find_if(idle, [&](const auto& each) { return each.first == kind; });
  if (found != idle.end()) {
    auto program = std::move(found->second);
    idle.erase(found);
    return lend(program.release());
  }
  auto program = Program::load_unpinned(desired);
  if (!program) throw std::runtime_error(program.error().message);
  return lend(new Program(std::move(*program)));
}

}  // namespace masq::bpf::test
