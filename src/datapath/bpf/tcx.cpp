// SPDX-License-Identifier: Apache-2.0
#include "datapath/bpf/tcx.hpp"

#include <bpf/bpf.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <limits>
#include <optional>
#include <utility>

#include "base/result.hpp"
#include "datapath/bpf/pin_check.hpp"
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

}  // namespace

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
