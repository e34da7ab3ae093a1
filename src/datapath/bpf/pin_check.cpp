// SPDX-License-Identifier: Apache-2.0
#include "datapath/bpf/pin_check.hpp"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <string_view>

#include "base/result.hpp"
#include "os/fd.hpp"

namespace masq::bpf {
namespace {

// No system call returns the kind of a descriptor, and the information about one kind can be read as that of another.
bool is_of(int fd, std::string_view kind) {
  std::array<char, 64> target{};
  const auto length = readlink(fmt::format("/proc/self/fd/{}", fd).c_str(), target.data(), target.size());
  return length > 0 &&
         std::string_view(target.data(), static_cast<std::size_t>(length)).find(kind) != std::string_view::npos;
}

bool is_like(int fd, const bpf_map& map) {
  bpf_map_info info{};
  std::uint32_t size = sizeof info;
  return is_bpf_map(fd) && bpf_obj_get_info_by_fd(fd, &info, &size) == 0 &&
         info.type == static_cast<std::uint32_t>(bpf_map__type(&map)) && info.key_size == bpf_map__key_size(&map) &&
         info.value_size == bpf_map__value_size(&map) && info.max_entries == bpf_map__max_entries(&map) &&
         info.map_flags == bpf_map__map_flags(&map);
}

}  // namespace

bool is_bpf_map(int fd) {
  return is_of(fd, "bpf-map");
}
bool is_bpf_link(int fd) {
  return is_of(fd, "bpf_link") || is_of(fd, "bpf-link");
}

bool is_same_map(int a, int b) {
  bpf_map_info of_a{}, of_b{};
  std::uint32_t size_a = sizeof of_a, size_b = sizeof of_b;
  return is_bpf_map(a) && is_bpf_map(b) && bpf_obj_get_info_by_fd(a, &of_a, &size_a) == 0 &&
         bpf_obj_get_info_by_fd(b, &of_b, &size_b) == 0 && of_a.id == of_b.id;
}

Result<bool> check_pin(const bpf_map& map, const std::filesystem::path& path) {
  const os::Fd fd(bpf_obj_get(path.c_str()));
  if (!fd && errno == ENOENT) return false;
  if (!fd) return fail("{}: {}", path.string(), std::strerror(errno));
  if (!is_like(fd.get(), map)) return fail("{}: not an object of masq; `masqd --cleanup` removes it", path.string());
  return true;
}

}  // namespace masq::bpf
