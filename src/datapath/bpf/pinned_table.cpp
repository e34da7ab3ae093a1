// SPDX-License-Identifier: Apache-2.0
#include "datapath/bpf/pinned_table.hpp"

#include <bpf/libbpf.h>
#include <fmt/format.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <optional>
#include <string>
#include <system_error>

#include "base/address.hpp"
#include "base/result.hpp"
#include "bpf/abi/mapping.h"
#include "bpf/abi/reasons.h"
#include "datapath/bpf/pin_check.hpp"
#include "datapath/bpf/pins.hpp"
#include "datapath/mapping_table.hpp"
#include "os/fd.hpp"

namespace masq::bpf {
namespace {

constexpr ReasonText reasons[] = {
#define REASON_TEXT(name, verdict, word, meaning) {MASQ_##verdict == MASQ_DROP, word},
    MASQ_REASONS(REASON_TEXT)
#undef REASON_TEXT
};

std::uint64_t seconds_since(std::uint32_t tick, std::uint32_t now) {
  const auto ticks = static_cast<std::int32_t>(now - tick);
  return ticks <= 0 ? 0 : (static_cast<std::uint64_t>(ticks) << MASQ_TICK_SHIFT) / 1'000'000'000u;
}

std::uint8_t state_of(const std::string& word) {
  const auto known = mapping_states();
  const auto found = std::ranges::find(known, word);
  if (found == known.end()) return MASQ_STATE_ESTABLISHED;
  return static_cast<std::uint8_t>(found - known.begin());
}

// As reclaim_rank() of bpf/nat/reclaim_rank.h, for a new connection of any pod. Of TCP its SYN must fit too.
template <class Abi>
bool gives_way(const typename Abi::Mapping& raw, std::uint64_t idle_seconds) {
  constexpr auto both_fins = MASQ_FIN_FROM_POD | MASQ_FIN_FROM_REMOTE;
  constexpr std::uint64_t idle_for_any = 2;  // seconds: IDLE_TICKS
  if (raw.order != MASQ_ORDER_NONE || raw.flow.kind != MASQ_KIND_CONNECTION) return false;
  if (raw.flow.protocol == IPPROTO_TCP)
    return raw.state == MASQ_STATE_CLOSING &&
           (((raw.flags & both_fins) == both_fins && (raw.pod_ack == 0 || idle_seconds >= idle_for_any)) ||
            ((raw.flags & MASQ_RESET) != 0 && idle_seconds > 0));
  const auto asked = raw.datagrams & 0xffff;
  const auto answered = raw.datagrams >> 16;
  const bool is_dns = raw.flow.protocol == IPPROTO_UDP && ntohs(raw.flow.dport) == 53;
  if (is_dns && asked == answered) return asked != 0 && idle_seconds > 0;
  return asked == 1 && idle_seconds >= idle_for_any;
}

// Returns the destination port in the table's format: for ICMP the type of the pod's message.
std::uint16_t flow_port_of(const Mapping& mapping) {
  if (mapping.protocol == IPPROTO_ICMP) return ICMP_ECHO;
  return mapping.protocol == IPPROTO_ICMPV6 ? ICMP6_ECHO_REQUEST : mapping.remote_port;
}

}  // namespace

std::string map_name(const char* map, Family family) {
  return fmt::format("{}{}", map, static_cast<int>(family));
}

Result<os::Fd> open_pinned_map(const Pins& pins, const std::string& name) {
  const auto path = pins.map(name);
  os::Fd fd(bpf_obj_get(path.c_str()));
  if (fd) return fd;
  if (errno != ENOENT) return fail("{}: {}", path.string(), std::strerror(errno));
  if (const auto others = pins.foreign_maps(); !others.empty())
    return fail("{}: a table of another version of masq (this version has schema {})", others[0].string(), MASQ_SCHEMA);
  return fail("nothing of masq is pinned in {}", pins.root().string());
}

bool has_table(const Pins& pins) {
  std::error_code none;
  return std::filesystem::exists(pins.map(map_name("mappings", Family::ipv4)), none);
}

Result<std::optional<masq_control>> find_control(const Pins& pins, Family family) {
  const auto path = pins.map(map_name("control", family));
  const os::Fd fd(bpf_obj_get(path.c_str()));
  if (!fd && errno == ENOENT) return std::nullopt;
  if (!fd) return fail("{}: {}", path.string(), std::strerror(errno));
  bpf_map_info info{};
  std::uint32_t size = sizeof info;
  const std::uint32_t key = 0;
  masq_control control{};
  const bool is_ours = is_bpf_map(fd.get()) && bpf_obj_get_info_by_fd(fd.get(), &info, &size) == 0 &&
                       info.type == BPF_MAP_TYPE_ARRAY && info.value_size == sizeof control && info.max_entries == 1 &&
                       bpf_map_lookup_elem(fd.get(), &key, &control) == 0 &&
                       (control.schema == 0 || control.schema == MASQ_SCHEMA);
  if (!is_ours) return fail("{}: not a table of schema {}; `masqd --cleanup` removes it", path.string(), MASQ_SCHEMA);
  return control;
}

Result<masq_control> read_control(const Pins& pins, Family family) {
  TRY(auto control, find_control(pins, family));
  if (control) return *control;
  TRY_DO(open_pinned_map(pins, map_name("control", family)));
  return masq_control{};
}

const char* state_word(std::uint8_t state) {
  return state < MASQ_STATE_COUNT ? mapping_states()[state] : "?";
}

std::uint16_t remote_port_of(std::uint8_t protocol, std::uint16_t pod_port, std::uint16_t flow_port) {
  const bool is_echo = (protocol == IPPROTO_ICMP && flow_port == ICMP_ECHO) ||
                       (protocol == IPPROTO_ICMPV6 && flow_port == ICMP6_ECHO_REQUEST);
  return is_echo ? pod_port : flow_port;
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
  mapping.remote_port = remote_port_of(mapping.protocol, mapping.pod_port, ntohs(raw.flow.dport));
  mapping.state = state_word(raw.state);
  mapping.age_seconds = seconds_since(raw.created, now);
  mapping.idle_seconds = seconds_since(raw.seen, now);
  mapping.gives_way = gives_way<Abi>(raw, mapping.idle_seconds);
  return mapping;
}

template Mapping to_mapping<Abi4>(const masq_mapping4&, std::uint32_t);
template Mapping to_mapping<Abi6>(const masq_mapping6&, std::uint32_t);

template <class Abi>
typename Abi::Mapping from_mapping(const Mapping& mapping, std::uint32_t now) {
  typename Abi::Mapping raw{};
  raw.flow.src = raw_address<typename Abi::Addr>(mapping.pod);
  raw.flow.dst = raw_address<typename Abi::Addr>(mapping.remote);
  raw.flow.sport = htons(mapping.pod_port);
  raw.flow.dport = htons(flow_port_of(mapping));
  raw.flow.protocol = mapping.protocol;
  raw.external = raw_address<typename Abi::Addr>(mapping.external);
  raw.external_port = htons(mapping.external_port);
  raw.reason = MASQ_REASON_TRANSLATED;
  raw.state = state_of(mapping.state);
  raw.created = now;
  raw.seen = now;
  raw.slot = MASQ_SLOT_LINKED;
  return raw;
}

template masq_mapping4 from_mapping<Abi4>(const Mapping&, std::uint32_t);
template masq_mapping6 from_mapping<Abi6>(const Mapping&, std::uint32_t);

ReasonText reason_text(std::uint32_t reason) {
  return reason < MASQ_REASON_COUNT ? reasons[reason] : ReasonText{.drop = false, .word = "?"};
}

}  // namespace masq::bpf
