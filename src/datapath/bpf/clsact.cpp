// SPDX-License-Identifier: Apache-2.0
#include "datapath/bpf/clsact.hpp"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fmt/format.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <net/if.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "datapath/bpf/libbpf_log.hpp"
#include "datapath/bpf/tcx.hpp"
#include "datapath/bpf/verdicts.hpp"
#include "os/netlink.hpp"

namespace masq::bpf {
namespace {

// The place of masq's filter: late, so that other filters can precede it.
constexpr std::uint32_t our_handle = 0x6d617371;  // "masq"
constexpr std::uint32_t our_priority = 49000;

bpf_tc_hook make_hook(int ifindex, Hook hook) {
  bpf_tc_hook raw{};
  raw.sz = sizeof raw;
  raw.ifindex = ifindex;
  raw.attach_point = hook == Hook::ingress ? BPF_TC_INGRESS : BPF_TC_EGRESS;
  return raw;
}

bpf_tc_opts make_place() {
  bpf_tc_opts place{};
  place.sz = sizeof place;
  place.handle = our_handle;
  place.priority = our_priority;
  return place;
}

struct Filter {
  std::uint32_t priority = 0;
  std::uint32_t handle = 0;
  std::string kind;           // "bpf", "u32", …
  std::uint32_t program = 0;  // of a BPF filter
};

// The kernel lists them in the order in which packets meet them.
Result<std::vector<Filter>> filters_of(int ifindex, Hook hook) {
  TRY(auto requests, os::NetlinkRequests::open());
  tcmsg header{};
  header.tcm_family = AF_UNSPEC;
  header.tcm_ifindex = ifindex;
  header.tcm_parent = TC_H_MAKE(TC_H_CLSACT, hook == Hook::ingress ? TC_H_MIN_INGRESS : TC_H_MIN_EGRESS);
  const std::span bytes(reinterpret_cast<const std::uint8_t*>(&header), sizeof header);
  return requests.dump<Filter>(RTM_GETTFILTER, bytes, [](const nlmsghdr& message, std::vector<Filter>& filters) {
    const auto& found = *static_cast<const tcmsg*>(NLMSG_DATA(&message));
    const auto attributes = os::NetlinkAttributes::of_message(message, sizeof found);
    if (found.tcm_handle == 0 || attributes.u32(TCA_CHAIN) != 0) return;  // the head of a priority; an unused chain
    filters.push_back({.priority = TC_H_MAJ(found.tcm_info) >> 16U,
                       .handle = found.tcm_handle,
                       .kind = std::string(attributes.text(TCA_KIND)),
                       .program = attributes.nested(TCA_OPTIONS).u32(TCA_BPF_ID)});
  });
}

ProgramBefore described(const Filter& filter) {
  if (filter.kind != "bpf")
    return {.name = filter.kind,
            .text = fmt::format("the {} filter of preference {}", filter.kind, filter.priority),
            .passes_none = false};
  const auto& program = program_on_hook(filter.program);
  return {.name = program.name,
          .text = fmt::format("program {} ({}, preference {})", filter.program, program.name, filter.priority),
          .passes_none = !program.may_pass_on};
}

}  // namespace

Result<std::optional<HookPrograms>> programs_on_clsact(int ifindex, Hook hook, std::uint32_t program) {
  TRY(const auto filters, filters_of(ifindex, hook));
  HookPrograms programs;
  for (const auto& filter : filters) {
    programs.has_program = filter.kind == "bpf" && filter.program == program && filter.handle == our_handle;
    if (programs.has_program) return programs;
    auto before = described(filter);
    // A filter may have several entries: u32 lists its hash tables.
    if (programs.before.empty() || programs.before.back().text != before.text)
      programs.before.push_back(std::move(before));
  }
  char name[IF_NAMESIZE];
  if (if_indextoname(static_cast<unsigned>(ifindex), name) == nullptr) return std::nullopt;
  return programs;
}

Result<std::optional<std::uint32_t>> query_clsact(int ifindex, Hook hook) {
  LibbpfLog log;
  auto raw = make_hook(ifindex, hook);
  auto place = make_place();
  const int error = bpf_tc_query(&raw, &place);
  if (error == -ENOENT || error == -EINVAL || error == -ENODEV) return std::nullopt;  // no filter, no qdisc, no device
  if (error != 0) return fail("query {} filter: {}", to_string(hook), std::strerror(-error));
  if (!is_name_of_masq(program_on_hook(place.prog_id).name))
    return fail("another program has priority {} on {}", our_priority, to_string(hook));
  return place.prog_id;
}

Result<void> attach_clsact(int program, int ifindex, Hook hook) {
  TRY_DO(query_clsact(ifindex, hook));
  LibbpfLog log;
  auto raw = make_hook(ifindex, hook);
  if (const int error = bpf_tc_hook_create(&raw); error != 0 && error != -EEXIST)
    return fail("add clsact qdisc: {} {}", std::strerror(-error), log.reason());
  auto place = make_place();
  place.prog_fd = program;
  place.flags = BPF_TC_F_REPLACE;
  if (const int error = bpf_tc_attach(&raw, &place); error != 0)
    return fail("attach {} filter: {}", to_string(hook), std::strerror(-error));
  return {};
}

Result<void> detach_clsact(int ifindex, Hook hook) {
  TRY(auto found, query_clsact(ifindex, hook));
  if (!found) return {};
  LibbpfLog log;
  auto raw = make_hook(ifindex, hook);
  auto place = make_place();
  if (const int error = bpf_tc_detach(&raw, &place); error != 0 && error != -ENOENT)
    return fail("detach {} filter: {}", to_string(hook), std::strerror(-error));
  return {};
}

}  // namespace masq::bpf
