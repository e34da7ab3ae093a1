// SPDX-License-Identifier: Apache-2.0
#include "os/netlink_monitor.hpp"

#include <linux/netlink.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace masq {
namespace {

constexpr int buffer_size = 8 << 20;       // a storm of thousands of interfaces
constexpr int messages_in_a_row = 10'000;  // then the loop's others have their turn

}  // namespace

Result<std::unique_ptr<NetlinkMonitor>> NetlinkMonitor::open(EventLoop& loop, unsigned groups,
                                                             std::function<void()> changed) {
  Fd fd(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE));
  if (!fd) return fail("open a netlink socket: {}", std::strerror(errno));
  if (setsockopt(fd.get(), SOL_SOCKET, SO_RCVBUFFORCE, &buffer_size, sizeof buffer_size) != 0)
    setsockopt(fd.get(), SOL_SOCKET, SO_RCVBUF, &buffer_size, sizeof buffer_size);  // without CAP_NET_ADMIN
  sockaddr_nl address{};
  address.nl_family = AF_NETLINK;
  address.nl_groups = groups;
  if (bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    return fail("subscribe to netlink: {}", std::strerror(errno));
  std::unique_ptr<NetlinkMonitor> monitor(new NetlinkMonitor(std::move(fd), std::move(changed)));
  auto watch = loop.watch(monitor->fd_.get(), EPOLLIN, [raw = monitor.get()](std::uint32_t) { raw->drain(); });
  if (!watch) return std::unexpected(watch.error());
  monitor->watch_ = std::move(*watch);
  return monitor;
}

void NetlinkMonitor::drain() {
  std::array<char, 1> rest;  // the kernel discards what does not fit, and the content is of no interest
  for (int i = 0; i < messages_in_a_row; ++i) {
    if (recv(fd_.get(), rest.data(), rest.size(), MSG_DONTWAIT | MSG_TRUNC) >= 0) continue;
    if (errno != ENOBUFS && errno != EINTR) break;  // ENOBUFS: some were lost, which is a change like any other
  }
  changed_();
}

}  // namespace masq
