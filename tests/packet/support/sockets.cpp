// SPDX-License-Identifier: Apache-2.0
#include "sockets.hpp"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cstdint>

#include "base/address.hpp"
#include "os/fd.hpp"

namespace masq::bpf::test {

os::Fd node_socket(Family family, int type, std::uint16_t port) {
  const bool is_ipv4 = family == Family::ipv4;
  os::Fd fd(socket(is_ipv4 ? AF_INET : AF_INET6, type | SOCK_CLOEXEC, 0));
  const sockaddr_in any{.sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {}, .sin_zero = {}};
  const sockaddr_in6 any6{
      .sin6_family = AF_INET6, .sin6_port = htons(port), .sin6_flowinfo = 0, .sin6_addr = {}, .sin6_scope_id = 0};
  const void* address = is_ipv4 ? static_cast<const void*>(&any) : &any6;
  EXPECT_EQ(bind(fd.get(), static_cast<const sockaddr*>(address), is_ipv4 ? sizeof any : sizeof any6), 0);
  const bool has_begun = type != SOCK_STREAM || listen(fd.get(), 1) == 0;
  EXPECT_TRUE(has_begun);
  return fd;
}

}  // namespace masq::bpf::test
