// SPDX-License-Identifier: Apache-2.0
#include "os/tcp_socket.hpp"

#include <gmock/gmock.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cstdint>

#include "os/fd.hpp"
#include "unit/os/own_network.hpp"

namespace masq::os {
namespace {

using ::testing::HasSubstr;

bool accepts(int family, std::uint16_t port) {
  Fd fd(socket(family, SOCK_STREAM, 0));
  sockaddr_in in{};
  in.sin_family = AF_INET;
  in.sin_port = htons(port);
  in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  sockaddr_in6 in6{};
  in6.sin6_family = AF_INET6;
  in6.sin6_port = htons(port);
  in6.sin6_addr = in6addr_loopback;
  return family == AF_INET ? connect(fd.get(), reinterpret_cast<sockaddr*>(&in), sizeof in) == 0
                           : connect(fd.get(), reinterpret_cast<sockaddr*>(&in6), sizeof in6) == 0;
}

TEST(ListenOnTcp, WithoutAHostBothFamiliesAreServed) {
  const bool entered = in_own_network([] {
    ip("link set lo up");
    const auto fd = listen_on_tcp(":9965").value();
    EXPECT_TRUE(accepts(AF_INET, 9965));
    EXPECT_TRUE(accepts(AF_INET6, 9965));
  });
  if (!entered) GTEST_SKIP() << "needs a network namespace";
}

TEST(ListenOnTcp, WithAHostThatOneAlone) {
  const bool entered = in_own_network([] {
    ip("link set lo up");
    const auto first = listen_on_tcp("127.0.0.1:9965").value();
    EXPECT_TRUE(accepts(AF_INET, 9965));
    EXPECT_FALSE(accepts(AF_INET6, 9965));
    const auto second = listen_on_tcp("[::1]:9965").value();
    EXPECT_TRUE(accepts(AF_INET6, 9965));
    const auto in_brackets = listen_on_tcp("[127.0.0.1]:9966").value();
    EXPECT_TRUE(accepts(AF_INET, 9966));
  });
  if (!entered) GTEST_SKIP() << "needs a network namespace";
}

TEST(ListenOnTcp, SaysWhatItCannotListenOn) {
  const bool entered = in_own_network([] {
    ip("link set lo up");
    const auto first = listen_on_tcp(":9965").value();
    EXPECT_EQ(listen_on_tcp(":9965").error().message, "listen on :9965: Address already in use");
    EXPECT_THAT(listen_on_tcp("192.0.2.1:9965").error().message, HasSubstr("192.0.2.1:9965"));
    for (const char* text : {"9965", "", ":", ":x", "here:9965", ":99999"}) EXPECT_FALSE(listen_on_tcp(text)) << text;
  });
  if (!entered) GTEST_SKIP() << "needs a network namespace";
}

}  // namespace
}  // namespace masq::os
