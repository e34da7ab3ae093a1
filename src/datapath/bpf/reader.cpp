// SPDX-License-Identifier: Apache-2.0
// What `masq` reads from the pinned maps: the kernel owns the mappings, an agent need not run.
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <sys/mman.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "datapath/bpf/bpf_datapath.hpp"
#include "datapath/bpf/options.hpp"
#include "datapath/bpf/pins.hpp"
#include "os/fd.hpp"

namespace masq {
namespace {

Result<Fd> open_map(const Pins& pins, const std::string& name) {
  const auto path = pins.map(name);
  Fd fd(bpf_obj_get(path.c_str()));
  if (!fd && errno == ENOENT) return fail("nothing of masq is pinned in {}", pins.root().string());
  if (!fd) return fail("{}: {}", path.string(), std::strerror(errno));
  return fd;
}

// A map of the kernel's, seen as an array; unmapped at the end.
template <class T>
class MappedArray {
 public:
  static Result<MappedArray> open(int fd) {
    bpf_map_info info{};
    std::uint32_t size = sizeof info;
    if (bpf_obj_get_info_by_fd(fd, &info, &size) != 0) return fail("map info: {}", std::strerror(errno));
    if (info.value_size != sizeof(T)) return fail("map {} has another layout", info.name);
    const std::size_t bytes = std::size_t{info.max_entries} * sizeof(T);
    void* memory = mmap(nullptr, bytes, PROT_READ, MAP_SHARED, fd, 0);
    if (memory == MAP_FAILED) return fail("mmap {}: {}", info.name, std::strerror(errno));
    return MappedArray(static_cast<const T*>(memory), info.max_entries, bytes);
  }
  MappedArray(MappedArray&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)), count_(other.count_), bytes_(other.bytes_) {}
  MappedArray& operator=(MappedArray&&) = delete;
  ~MappedArray() {
    if (data_) munmap(const_cast<T*>(data_), bytes_);
  }
  std::uint32_t count() const { return count_; }
  // A copy: the kernel goes on writing.
  T at(std::uint32_t index) const {
    T copy;
    std::memcpy(&copy, &data_[index], sizeof copy);
    return copy;
  }

 private:
  MappedArray(const T* data, std::uint32_t count, std::size_t bytes) : data_(data), count_(count), bytes_(bytes) {}
  const T* data_;
  std::uint32_t count_;
  std::size_t bytes_;
};

std::string numbered(const char* name, Family family) { return fmt::format("{}{}", name, static_cast<int>(family)); }

Result<masq_control> read_control(int fd) {
  masq_control control{};
  std::uint32_t key = 0;
  if (bpf_map_lookup_elem(fd, &key, &control) != 0) return fail("read control: {}", std::strerror(errno));
  return control;
}

constexpr const char* state_words[] = {
#define STATE_WORD(name, word) word,
    MASQ_STATES(STATE_WORD)
#undef STATE_WORD
};

std::uint64_t seconds_since(std::uint32_t tick, std::uint32_t now) {
  const auto ticks = static_cast<std::int32_t>(now - tick);
  return ticks <= 0 ? 0 : (static_cast<std::uint64_t>(ticks) << MASQ_TICK_SHIFT) / 1'000'000'000u;
}

template <class Abi>
Mapping to_mapping(const typename Abi::Mapping& raw, std::uint32_t now) {
  Mapping mapping;
  mapping.protocol = raw.flow.protocol;
  mapping.pod = to_address<Abi>(raw.flow.src);
  mapping.pod_port = ntohs(raw.flow.sport);
  mapping.remote = to_address<Abi>(raw.flow.dst);
  mapping.external = to_address<Abi>(raw.external);
  mapping.external_port = ntohs(raw.external_port);
  const auto type = ntohs(raw.flow.dport);
  const bool is_echo = (mapping.protocol == IPPROTO_ICMP && type == ICMP_ECHO) ||
                       (mapping.protocol == IPPROTO_ICMPV6 && type == ICMP6_ECHO_REQUEST);
  mapping.remote_port = is_echo ? mapping.pod_port : ntohs(raw.flow.dport);
  mapping.state = raw.state < MASQ_STATE_COUNT ? state_words[raw.state] : "?";
  mapping.age_seconds = seconds_since(raw.created, now);
  mapping.idle_seconds = seconds_since(raw.seen, now);
  return mapping;
}

template <class Abi>
Result<void> visit_mappings(const Pins& pins, const std::function<void(const Mapping&)>& visit) {
  auto control_fd = open_map(pins, numbered("control", Abi::family));
  if (!control_fd) return std::unexpected(control_fd.error());
  auto mappings_fd = open_map(pins, numbered("mappings", Abi::family));
  if (!mappings_fd) return std::unexpected(mappings_fd.error());
  auto control = read_control(control_fd->get());
  if (!control) return std::unexpected(control.error());
  auto slots = MappedArray<typename Abi::Mapping>::open(mappings_fd->get());
  if (!slots) return std::unexpected(slots.error());
  for (std::uint32_t i = 0; i < std::min(control->unused, slots->count()); ++i) {
    const auto raw = slots->at(i);
    if (raw.slot == MASQ_SLOT_LINKED && raw.seen != 0 && raw.reason == MASQ_REASON_TRANSLATED &&
        raw.flow.kind == MASQ_KIND_CONNECTION)
      visit(to_mapping<Abi>(raw, control->clock));
  }
  return {};
}

struct ReasonText {
  bool drop;
  const char* word;
};
constexpr ReasonText reasons[] = {
#define REASON_TEXT(name, verdict, word, meaning) {MASQ_##verdict == MASQ_DROP, word},
    MASQ_REASONS(REASON_TEXT)
#undef REASON_TEXT
};

Result<void> add_packets(const Pins& pins, Family family, Counters& counters) {
  auto fd = open_map(pins, numbered("counters", family));
  if (!fd) return std::unexpected(fd.error());
  std::vector<std::uint64_t> per_cpu(static_cast<std::size_t>(libbpf_num_possible_cpus()));
  for (std::uint32_t direction = 0; direction < MASQ_DIRECTION_COUNT; ++direction) {
    for (std::uint32_t reason = 0; reason < MASQ_REASON_COUNT; ++reason) {
      const std::uint32_t key = MASQ_COUNTER(direction, reason);
      if (bpf_map_lookup_elem(fd->get(), &key, per_cpu.data()) != 0)
        return fail("read counters: {}", std::strerror(errno));
      ReasonCount count{.family = family,
                        .direction = direction == MASQ_EGRESS ? "egress" : "ingress",
                        .reason = reasons[reason].word,
                        .drop = reasons[reason].drop};
      for (const auto packets : per_cpu) count.packets += packets;
      counters.packets.push_back(std::move(count));
    }
  }
  return {};
}

template <class Abi>
Result<void> add_ip_masq(const Pins& pins, std::vector<IpMasqEntry>& entries) {
  auto policy = open_map(pins, numbered("policy", Abi::family));
  if (!policy) return std::unexpected(policy.error());
  std::uint32_t zero = 0, id = 0;
  if (bpf_map_lookup_elem(policy->get(), &zero, &id) != 0) return {};  // no policy was set yet
  Fd rules(bpf_map_get_fd_by_id(id));
  if (!rules) return fail("policy rules: {}", std::strerror(errno));
  typename Abi::PolicyKey key{}, next{};
  for (void* previous = nullptr; bpf_map_get_next_key(rules.get(), previous, &next) == 0; previous = &key) {
    key = next;
    masq_policy value{};
    if (bpf_map_lookup_elem(rules.get(), &key, &value) != 0 || value.ip_masq == MASQ_IP_MASQ_NONE) continue;
    entries.push_back({.cidr = Cidr(to_address<Abi>(key.address), static_cast<int>(key.prefix_length)),
                       .masquerade = value.ip_masq == MASQ_IP_MASQ_MASQUERADE});
  }
  return {};
}

}  // namespace

Result<void> read_bpf_mappings(const std::filesystem::path& bpf_root,
                               const std::function<void(const Mapping&)>& visit) {
  const Pins pins(bpf_root);
  if (auto done = visit_mappings<Abi4>(pins, visit); !done) return done;
  return visit_mappings<Abi6>(pins, visit);
}

std::span<const char* const> bpf_mapping_states() {
  return state_words;
}

Result<Counters> read_bpf_counters(const std::filesystem::path& bpf_root) {
  const Pins pins(bpf_root);
  Counters counters;
  for (const Family family : {Family::ipv4, Family::ipv6}) {
    auto fd = open_map(pins, numbered("control", family));
    if (!fd) return std::unexpected(fd.error());
    auto control = read_control(fd->get());
    if (!control) return std::unexpected(control.error());
    counters.tables.push_back({.family = family, .used = control->used, .left = control->left});
    counters.mappings_created[family == Family::ipv4 ? 0 : 1] = control->created;
    if (auto added = add_packets(pins, family, counters); !added) return std::unexpected(added.error());
  }
  return counters;
}

Result<std::vector<IpMasqEntry>> read_bpf_ip_masq(const std::filesystem::path& bpf_root) {
  std::vector<IpMasqEntry> entries;
  const Pins pins(bpf_root);
  if (auto added = add_ip_masq<Abi4>(pins, entries); !added) return std::unexpected(added.error());
  if (auto added = add_ip_masq<Abi6>(pins, entries); !added) return std::unexpected(added.error());
  std::ranges::sort(entries);
  return entries;
}

}  // namespace masq
