// SPDX-License-Identifier: Apache-2.0
#include "os/service_notify.hpp"

#include <cerrno>
#include <cstring>
#include <string_view>

#include "base/result.hpp"
#include "os/fd.hpp"
#include "os/unix_socket.hpp"

namespace masq::os {

Result<void> notify_service_manager(std::string_view notify_socket, std::string_view state) {
  if (notify_socket.empty()) return {};
  auto address = UnixAddress::make(notify_socket);
  if (!address) return fail_with("NOTIFY_SOCKET", address.error());
  Fd fd(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd || sendto(fd.get(), state.data(), state.size(), MSG_NOSIGNAL, address->get(), address->size) < 0)
    return fail("NOTIFY_SOCKET: {}: {}", notify_socket, std::strerror(errno));
  return {};
}

}  // namespace masq::os
