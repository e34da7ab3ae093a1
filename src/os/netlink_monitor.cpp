// SPDX-License-Identifier: Apache-2.0
#include "os/netlink_monitor.hpp"

#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <functional>
#include <memory>
#include <utility>

#include "base/result.hpp"
#include "os/event_loop.hpp"
#include "os/fd.hpp"
#include "os/netlink.hpp"

namespace masq::os {
namespace {

constexpr int messages_in_a_row = 10'000;  // then other watches of the loop are handled

}  // namespace

Result<std::unique_ptr<NetlinkMonitor>> NetlinkMonitor::open(EventLoop& loop, unsigned groups,
                                                             std::function<void()> changed) {
  TRY(auto fd, subscribe_to_rtnetlink(groups));
  return watch(loop, std::move(fd), std::move(changed));
}

Result<std::unique_ptr<NetlinkMonitor>> NetlinkMonitor::open_nftables(EventLoop& loop, std::function<void()> changed) {
  const int group = NFNLGRP_NFTABLES;
  Fd fd(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_NETFILTER));
  sockaddr_nl address{};
  address.nl_family = AF_NETLINK;
  if (!fd || bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      setsockopt(fd.get(), SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof group) != 0)
    return fail("subscribe to nftables: {}", std::strerror(errno));
  return watch(loop, std::move(fd), std::move(changed));
}

Result<std::unique_ptr<NetlinkMonitor>> NetlinkMonitor::watch(EventLoop& loop, Fd fd, std::function<void()> changed) {
  std::unique_ptr<NetlinkMonitor> monitor(new NetlinkMonitor(std::move(fd), std::move(changed)));
  TRY(monitor->watch_, loop.watch(monitor->fd_.get(), EPOLLIN, [raw = monitor.get()](std::uint32_t) { raw->drain(); }));
  return monitor;
}

void NetlinkMonitor::drain() {
  std::array<char, 1> rest;  // the kernel discards the rest of the message, whose content is not needed
  for (int i = 0; i < messages_in_a_row; ++i) {
    if (recv(fd_.get(), rest.data(), rest.size(), MSG_DONTWAIT | MSG_TRUNC) >= 0) continue;
    if (errno != ENOBUFS && errno != EINTR) break;  // ENOBUFS: messages were lost, which counts as a change
  }
  changed_();
}

}  // namespace masq::os
