// SPDX-License-Identifier: Apache-2.0
#include "os/socket_owner.hpp"

#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/types.h>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "os/netlink.hpp"

namespace masq::os {
namespace {

// <linux/unix_diag.h> of Linux 5.3.
constexpr std::uint32_t show_uid = 0x40;    // UDIAG_SHOW_UID
constexpr std::uint16_t uid_attribute = 7;  // UNIX_DIAG_UID

// An abstract name begins with a zero byte.
bool is_name(std::span<const std::uint8_t> written, std::string_view name) {
  return written.size() == name.size() + 1 && written[0] == 0 && std::ranges::equal(written.subspan(1), name);
}

}  // namespace

Result<std::optional<uid_t>> listener_of_abstract_name(std::string_view name) {
  TRY(auto requests, NetlinkRequests::open(NETLINK_SOCK_DIAG));
  unix_diag_req request{};
  request.sdiag_family = AF_UNIX;
  request.udiag_states = 1U << TCP_LISTEN;
  request.udiag_show = UDIAG_SHOW_NAME | show_uid;
  const auto bytes = std::span(reinterpret_cast<const std::uint8_t*>(&request), sizeof request);
  constexpr uid_t unknown = std::numeric_limits<uid_t>::max();
  const auto users = requests.dump<uid_t>(SOCK_DIAG_BY_FAMILY, bytes, [&](const nlmsghdr& message, auto& found) {
    const auto attributes = NetlinkAttributes::of_message(message, sizeof(unix_diag_msg));
    if (is_name(attributes.bytes(UNIX_DIAG_NAME), name)) found.push_back(attributes.u32(uid_attribute, unknown));
  });
  if (!users) return fail("sock_diag: {}", users.error().message);
  if (users->empty()) return std::optional<uid_t>();
  if (users->front() == unknown) return fail("sock_diag: the kernel does not tell the user");
  return users->front();
}

}  // namespace masq::os
