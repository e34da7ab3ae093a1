// SPDX-License-Identifier: Apache-2.0
#include "datapath/netfilter/conntrack_events.hpp"

#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "base/address_range.hpp"
#include "base/result.hpp"
#include "datapath/event.hpp"
#include "datapath/event_source.hpp"
#include "datapath/mapping_table.hpp"
#include "datapath/netfilter/connections.hpp"
#include "datapath/netfilter/conntrack_message.hpp"
#include "os/fd.hpp"
#include "os/file.hpp"

namespace masq::netfilter {
namespace {

constexpr int buffer_size = 8 << 20;  // bytes of events that may wait
constexpr const char* events_sysctl = "/proc/sys/net/netfilter/nf_conntrack_events";
constexpr unsigned groups = (1U << (NFNLGRP_CONNTRACK_NEW - 1)) | (1U << (NFNLGRP_CONNTRACK_DESTROY - 1));
constexpr std::size_t message_size = 64 << 10;

class ConntrackEvents final : public EventSource {
 public:
  ConntrackEvents(os::Fd fd, std::function<Result<std::vector<AddressRange>>()> read_pods)
      : fd_(std::move(fd)), read_pods_(std::move(read_pods)) {}

  Result<void> start() {
    TRY(pods_, read_pods_());
    const int on = 1;
    // A full buffer then counts what is lost, and reports no error.
    if (setsockopt(fd(), SOL_NETLINK, NETLINK_NO_ENOBUFS, &on, sizeof on) != 0)
      return fail("conntrack: NETLINK_NO_ENOBUFS: {}", std::strerror(errno));
    (void)setsockopt(fd(), SOL_SOCKET, SO_RCVBUFFORCE, &buffer_size, sizeof buffer_size);
    return {};
  }

  int fd() const override { return fd_.get(); }

  void take(const std::function<void(const Event&)>& visit) override {
    for (;;) {
      const auto size = recv(fd(), buffer_.data(), buffer_.size(), MSG_DONTWAIT);
      if (size < 0 && errno == EINTR) continue;
      if (size <= 0) return;
      const auto* message = reinterpret_cast<const nlmsghdr*>(buffer_.data());
      for (auto rest = static_cast<unsigned>(size); NLMSG_OK(message, rest); message = NLMSG_NEXT(message, rest))
        take_message(*message, visit);
    }
  }

  std::uint64_t renew(const EventTypes& /*types*/) override {
    if (auto pods = read_pods_()) pods_ = std::move(*pods);
    const auto ever = dropped();
    return ever - std::exchange(lost_, ever);
  }

 private:
  void take_message(const nlmsghdr& message, const std::function<void(const Event&)>& visit) const {
    const auto connection = parse_connection(message);
    if (!connection) return;
    if (const auto mapping = translated_mapping(*connection, pods_))
      visit(to_event(message.nlmsg_type == conntrack_delete ? "ended" : "created", *mapping));
  }

  static Event to_event(const char* type, const Mapping& mapping) {
    return {.time = std::chrono::system_clock::now(),
            .type = type,
            .protocol = mapping.protocol,
            .pod = mapping.pod,
            .pod_port = mapping.pod_port,
            .remote = mapping.remote,
            .remote_port = mapping.remote_port,
            .external = mapping.external,
            .external_port = mapping.external_port,
            .state = mapping.state,
            .reason = {},
            .direction = {}};
  }

  // Returns the number of messages that did not fit into the buffer, ever.
  std::uint64_t dropped() const {
    std::array<std::uint32_t, SK_MEMINFO_VARS> values{};
    socklen_t size = sizeof values;
    if (getsockopt(fd(), SOL_SOCKET, SO_MEMINFO, values.data(), &size) != 0) return lost_;
    return values[SK_MEMINFO_DROPS];
  }

  os::Fd fd_;
  std::function<Result<std::vector<AddressRange>>()> read_pods_;
  std::vector<AddressRange> pods_;
  std::vector<char> buffer_ = std::vector<char>(message_size);
  std::uint64_t lost_ = 0;
};

}  // namespace

Result<std::unique_ptr<EventSource>> open_conntrack_events(std::function<Result<std::vector<AddressRange>>()> pods) {
  if (const auto enabled = os::read_file(events_sysctl, 16); enabled && enabled->starts_with('0'))
    return fail("nf_conntrack_events is 0: the kernel records no events of connections");
  os::Fd fd(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_NETFILTER));
  sockaddr_nl address{};
  address.nl_family = AF_NETLINK;
  address.nl_groups = groups;
  if (!fd || bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    return fail("conntrack: open: {}", std::strerror(errno));
  auto events = std::make_unique<ConntrackEvents>(std::move(fd), std::move(pods));
  TRY_DO(events->start());
  return events;
}

}  // namespace masq::netfilter
