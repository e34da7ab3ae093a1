// SPDX-License-Identifier: Apache-2.0
#include "datapath/bpf/clsact.hpp"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string_view>

#include "base/result.hpp"
#include "datapath/bpf/libbpf_log.hpp"
#include "datapath/bpf/tcx.hpp"
#include "os/fd.hpp"

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

bool is_ours(std::uint32_t program) {
  os::Fd fd(bpf_prog_get_fd_by_id(program));
  bpf_prog_info info{};
  std::uint32_t size = sizeof info;
  return fd && bpf_obj_get_info_by_fd(fd.get(), &info, &size) == 0 && std::string_view(info.name).starts_with("masq_");
}

}  // namespace

Result<std::optional<std::uint32_t>> query_clsact(int ifindex, Hook hook) {
  LibbpfLog log;
  auto raw = make_hook(ifindex, hook);
  auto place = make_place();
  const int error = bpf_tc_query(&raw, &place);
  if (error == -ENOENT || error == -EINVAL || error == -ENODEV) return std::nullopt;  // no filter, no qdisc, no device
  if (error != 0) return fail("query {} filter: {}", to_string(hook), std::strerror(-error));
  if (!is_ours(place.prog_id)) return fail("another program has priority {} on {}", our_priority, to_string(hook));
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
