// SPDX-License-Identifier: Apache-2.0
#include "table.hpp"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <fmt/format.h>
#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "base/address.hpp"
#include "bpf/abi/mapping.h"
#include "bpf/abi/reasons.h"
#include "engine.hpp"
#include "packet.hpp"

namespace masq::bpf::test {
namespace {

// The elements of an array that may be mapped into memory.
template <class Element>
class Elements {
 public:
  explicit Elements(int map) {
    bpf_map_info info{};
    std::uint32_t size = sizeof info;
    if (bpf_obj_get_info_by_fd(map, &info, &size) != 0) throw std::runtime_error("a map's size");
    count_ = info.max_entries;
    memory_ = mmap(nullptr, count_ * sizeof(Element), PROT_READ, MAP_SHARED, map, 0);
    if (memory_ == MAP_FAILED) throw std::runtime_error("mmap");
  }
  ~Elements() { munmap(memory_, count_ * sizeof(Element)); }
  Elements(const Elements&) = delete;
  std::span<const Element> all() const { return {static_cast<const Element*>(memory_), count_}; }

 private:
  std::size_t count_ = 0;
  void* memory_ = nullptr;
};

template <class Addr>
Endpoint endpoint(const Addr& address, __be16 port) {
  return {Address::from_bytes(address.bytes), ntohs(port)};
}

template <class Raw>
std::vector<Mapping> read_mappings(int map, std::uint32_t slots) {
  const Elements<Raw> elements(map);
  std::vector<Mapping> found;
  for (std::uint32_t slot = 0; slot < slots; ++slot) {
    const auto& raw = elements.all()[slot];
    if (raw.seen == 0 || raw.slot != MASQ_SLOT_LINKED || raw.reason != MASQ_REASON_TRANSLATED) continue;
    found.push_back({slot, endpoint(raw.flow.src, raw.flow.sport), endpoint(raw.flow.dst, raw.flow.dport),
                     endpoint(raw.external, raw.external_port), raw.flow.protocol, static_cast<masq_state>(raw.state),
                     raw.seen, raw.flags});
  }
  return found;
}

int map_of(const Engine& engine, const char* name, Family family) {
  return engine.program().map(fmt::format("{}{}", name, static_cast<int>(family)));
}

// How often an index names each slot.
std::map<std::uint32_t, int> named_slots(int index) {
  const Elements<masq_bucket> buckets(index);
  std::map<std::uint32_t, int> times;
  for (const auto& bucket : buckets.all())
    for (const auto cell : bucket.cell)
      if (cell != 0) ++times[(cell & 0xffffff) - 1];
  return times;
}

struct ShareCells {
  std::uint32_t count[2];
};

// The sum of the counts of bpf/nat/share.h in each of the two rows.
std::array<std::uint64_t, 2> share_sums(int map) {
  bpf_map_info info{};
  std::uint32_t size = sizeof info;
  if (bpf_obj_get_info_by_fd(map, &info, &size) != 0) throw std::runtime_error("a map's size");
  std::array<std::uint64_t, 2> sums{};
  for (std::uint32_t key = 0; key < info.max_entries; ++key) {
    ShareCells cells{};
    bpf_map_lookup_elem(map, &key, &cells);
    sums[key < info.max_entries / 2 ? 0 : 1] += std::uint64_t{cells.count[0]} + cells.count[1];
  }
  return sums;
}

template <class Raw>
std::uint64_t shared_ports(int map, std::uint32_t slots) {
  const Elements<Raw> elements(map);
  return static_cast<std::uint64_t>(std::ranges::count_if(elements.all().first(slots), [](const Raw& raw) {
    return raw.slot == MASQ_SLOT_LINKED && raw.share != MASQ_SHARE_NONE;
  }));
}

}  // namespace

std::vector<Mapping> mappings(const Engine& engine, Family family) {
  const int map = map_of(engine, "mappings", family);
  const auto slots = engine.control(family).unused;
  return family == Family::ipv4 ? read_mappings<masq_mapping4>(map, slots) : read_mappings<masq_mapping6>(map, slots);
}

std::string disorder(const Engine& engine, Family family) {
  const auto alive = mappings(engine, family);
  const auto control = engine.control(family);
  if (control.used != alive.size()) return fmt::format("{} are counted, {} alive", control.used, alive.size());
  std::set<std::tuple<int, std::string, int, std::string, int>> outside;
  for (const auto& m : alive)
    if (!outside
             .emplace(m.protocol, m.external.address.to_string(), m.external.port, m.remote.address.to_string(),
                      m.remote.port)
             .second)
      return fmt::format("port {} toward port {} is there twice", m.external.port, m.remote.port);
  for (const char* index : {"forward", "reply"}) {
    const auto named = named_slots(map_of(engine, index, family));
    const bool is_forward = std::string_view(index) == "forward";
    std::size_t expected = is_forward ? control.left : 0;
    for (const auto& m : alive) {
      const int times = is_forward && (m.flags & MASQ_RESTING) ? 0 : 1;
      const auto found = named.find(m.slot);
      if ((found == named.end() ? 0 : found->second) != times)
        return fmt::format("slot {} is not {} times in {}", m.slot, times, index);
      expected += static_cast<std::size_t>(times);
    }
    if (named.size() != expected) return fmt::format("{} names {} slots, not {}", index, named.size(), expected);
  }
  const int map = map_of(engine, "mappings", family);
  const auto shared = family == Family::ipv4 ? shared_ports<masq_mapping4>(map, control.unused)
                                             : shared_ports<masq_mapping6>(map, control.unused);
  for (const auto sum : share_sums(map_of(engine, "shares", family)))
    if (sum != 2 * shared) return fmt::format("{} is the sum of the shares of {} ports and pods", sum, shared);
  return "";
}

int run_frame(int program, const Bytes& frame) {
  bpf_test_run_opts run{};
  run.sz = sizeof run;
  run.data_in = frame.data();
  run.data_size_in = static_cast<std::uint32_t>(frame.size());
  if (bpf_prog_test_run_opts(program, &run) != 0) throw std::runtime_error("test run");
  return static_cast<int>(run.retval);
}

}  // namespace masq::bpf::test
