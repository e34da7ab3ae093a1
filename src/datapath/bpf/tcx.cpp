// SPDX-License-Identifier: Apache-2.0
#include "datapath/bpf/tcx.hpp"

#include <bpf/bpf.h>
#include <fmt/format.h>
#include <linux/bpf.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <limits>
#include <optional>
#include <span>
#include <string_view>
#include <utility>

#include "base/result.hpp"
#include "datapath/bpf/pin_check.hpp"
#include "datapath/bpf/verdicts.hpp"
#include "os/fd.hpp"

namespace masq::bpf {
namespace {

// From Linux 6.6; the headers of 6.1 lack it.
constexpr auto tcx_ingress = static_cast<bpf_attach_type>(46);
constexpr auto tcx_egress = static_cast<bpf_attach_type>(47);
constexpr std::uint32_t link_type_tcx = 11;

constexpr bpf_attach_type attach_type(Hook hook) {
  return hook == Hook::ingress ? tcx_ingress : tcx_egress;
}

// A link without a pin detaches after the kernel's grace period. Until then the same program cannot be attached again.
constexpr int attach_attempts = 50;
constexpr useconds_t attach_pause = 2000;

os::Fd create_link(int program, int ifindex, Hook hook) {
  for (int attempt = 1;; ++attempt) {
    os::Fd fd(bpf_link_create(program, ifindex, attach_type(hook), nullptr));
    if (fd || errno != EEXIST || attempt == attach_attempts) return fd;
    usleep(attach_pause);
  }
}

// The attributes of BPF_PROG_QUERY, from Linux 6.6.
struct TcxQuery {
  std::uint32_t ifindex;
  std::uint32_t attach_type;
  std::uint32_t query_flags;
  std::uint32_t attach_flags;
  std::uint64_t program_ids;
  std::uint32_t count;
  std::uint32_t reserved;
  std::uint64_t program_flags;
  std::uint64_t link_ids;
  std::uint64_t link_flags;
  std::uint64_t revision;
};
constexpr std::size_t max_programs = 64;  // BPF_MPROG_MAX

}  // namespace

Result<std::optional<HookPrograms>> programs_on_tcx(int ifindex, Hook hook, std::uint32_t program) {
  std::array<std::uint32_t, max_programs> ids{};
  TcxQuery query{};
  query.ifindex = static_cast<std::uint32_t>(ifindex);
  query.attach_type = attach_type(hook);
  query.program_ids = reinterpret_cast<std::uint64_t>(ids.data());
  query.count = ids.size();
  if (syscall(SYS_bpf, BPF_PROG_QUERY, &query, sizeof query) != 0 && errno != ENOENT) {
    if (errno == ENODEV) return std::nullopt;
    return fail("query the {} programs: {}", to_string(hook), std::strerror(errno));
  }
  const auto all = std::span(ids).first(std::min<std::size_t>(query.count, ids.size()));
  const auto found = std::ranges::find(all, program);
  HookPrograms programs{.has_program = found != all.end(), .before = {}};
  if (!programs.has_program) return programs;
  for (const auto id : std::span(all.begin(), found)) {
    const auto& other = program_on_hook(id);
    programs.before.push_back({.name = other.name,
                               .text = fmt::format("program {} ({})", id, other.name),
                               .passes_none = !other.may_pass_on});
  }
  return programs;
}

bool is_name_of_masq(std::string_view name) {
  return name.starts_with("masq_");
}

Result<std::optional<TcxLink>> open_tcx(const std::filesystem::path& pin) {
  os::Fd fd(bpf_obj_get(pin.c_str()));
  if (!fd && errno == ENOENT) return std::nullopt;
  if (!fd) return fail("{}: {}", pin.string(), std::strerror(errno));
  bpf_link_info info{};
  std::uint32_t size = sizeof info;
  if (!is_bpf_link(fd.get()) || bpf_obj_get_info_by_fd(fd.get(), &info, &size) != 0 || info.type != link_type_tcx)
    return fail("{}: not a tcx link; `masqd --cleanup` removes it", pin.string());
  // struct { __u32 ifindex; __u32 attach_type; } tcx has the same offset as xdp's ifindex.
  return TcxLink{.fd = std::move(fd), .ifindex = static_cast<int>(info.xdp.ifindex), .program_id = info.prog_id};
}

Result<TcxLink> attach_tcx(int program, int ifindex, Hook hook, const std::filesystem::path& pin) {
  os::Fd fd = create_link(program, ifindex, hook);
  if (!fd) return fail("attach {} program: {}", to_string(hook), std::strerror(errno));
  if (bpf_obj_pin(fd.get(), pin.c_str()) != 0) return fail("pin {}: {}", pin.string(), std::strerror(errno));
  TRY(auto id, program_id(program));
  return TcxLink{.fd = std::move(fd), .ifindex = ifindex, .program_id = id};
}

Result<void> update_tcx(const TcxLink& link, int program) {
  if (bpf_link_update(link.fd.get(), program, nullptr) != 0) return fail("update link: {}", std::strerror(errno));
  return {};
}

bool kernel_has_tcx(int program) {
  os::Fd fd(bpf_link_create(program, std::numeric_limits<int>::max(), tcx_ingress, nullptr));
  return !fd && errno == ENODEV;
}

Result<std::uint32_t> program_id(int program) {
  bpf_prog_info info{};
  std::uint32_t size = sizeof info;
  if (bpf_obj_get_info_by_fd(program, &info, &size) != 0) return fail("program info: {}", std::strerror(errno));
  return info.id;
}

}  // namespace masq::bpf
