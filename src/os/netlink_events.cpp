// SPDX-License-Identifier: Apache-2.0
#include "os/netlink_events.hpp"

#include <libmnl/libmnl.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <vector>

namespace masq {
namespace {

constexpr int buffer_size = 8 << 20;
constexpr std::size_t datagram_size = 64 << 10;
constexpr int datagrams_in_a_row = 1000;  // then the loop's others have their turn

}  // namespace

Result<std::unique_ptr<NetlinkEvents>> NetlinkEvents::open(EventLoop& loop, std::initializer_list<int> groups,
                                                           Reader reader) {
  Fd fd(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE));
  if (!fd) return fail("open a netlink socket: {}", std::strerror(errno));
  if (setsockopt(fd.get(), SOL_SOCKET, SO_RCVBUFFORCE, &buffer_size, sizeof buffer_size) != 0)
    setsockopt(fd.get(), SOL_SOCKET, SO_RCVBUF, &buffer_size, sizeof buffer_size);  // without CAP_NET_ADMIN
  sockaddr_nl address{};  // one that is not bound has the kernel's own number, and gets nothing
  address.nl_family = AF_NETLINK;
  if (bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    return fail("subscribe to netlink: {}", std::strerror(errno));
  for (const int group : groups)
    if (setsockopt(fd.get(), SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof group) != 0)
      return fail("subscribe to netlink: {}", std::strerror(errno));
  std::unique_ptr<NetlinkEvents> events(new NetlinkEvents(std::move(fd), std::move(reader)));
  auto watch = loop.watch(events->fd_.get(), EPOLLIN, [raw = events.get()](std::uint32_t) { raw->drain(); });
  if (!watch) return std::unexpected(watch.error());
  events->watch_ = std::move(*watch);
  return events;
}

void NetlinkEvents::drain() {
  std::vector<char> buffer(datagram_size);
  for (int i = 0; i < datagrams_in_a_row; ++i) {
    const auto size = recv(fd_.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (size < 0 && (errno == ENOBUFS || errno == EINTR)) continue;
    if (size < 0) break;
    int left = static_cast<int>(size);
    for (const auto* message = reinterpret_cast<const nlmsghdr*>(buffer.data()); mnl_nlmsg_ok(message, left);
         message = mnl_nlmsg_next(message, &left))
      reader_.message(*message);
  }
  reader_.pause();
}

}  // namespace masq
