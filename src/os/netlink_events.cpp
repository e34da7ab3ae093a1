// SPDX-License-Identifier: Apache-2.0
#include "os/netlink_events.hpp"

#include <libmnl/libmnl.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "os/event_loop.hpp"
#include "os/netlink.hpp"

namespace masq::os {
namespace {

constexpr std::size_t datagram_size = 64 << 10;
constexpr int datagrams_in_a_row = 1000;  // then other watches of the loop are handled

}  // namespace

Result<std::unique_ptr<NetlinkEvents>> NetlinkEvents::open(EventLoop& loop, unsigned groups, Reader reader) {
  TRY(auto fd, subscribe_to_rtnetlink(groups));
  std::unique_ptr<NetlinkEvents> events(new NetlinkEvents(std::move(fd), std::move(reader)));
  TRY(events->watch_, loop.watch(events->fd_.get(), EPOLLIN, [raw = events.get()](std::uint32_t) { raw->drain(); }));
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

}  // namespace masq::os
