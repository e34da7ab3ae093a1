// SPDX-License-Identifier: Apache-2.0
#include <bpf/bpf.h>
#include <linux/bpf.h>

#include <cerrno>
#include <cstdint>
#include <cstring>

#include "base/result.hpp"
#include "datapath/bpf/btf_layout.hpp"
#include "datapath/bpf/inspection.hpp"

namespace masq::bpf {

Result<BtfLayout> BtfLayout::of_map(int fd) {
  bpf_map_info info{};
  std::uint32_t size = sizeof info;
  if (bpf_obj_get_info_by_fd(fd, &info, &size) != 0) return fail("map info: {}", std::strerror(errno));
  if (info.btf_id == 0) return fail("it has no BTF");
  TRY(const auto bytes, read_btf(info.btf_id));
  return of_type(bytes, info.btf_value_type_id, info.value_size);
}

}  // namespace masq::bpf
