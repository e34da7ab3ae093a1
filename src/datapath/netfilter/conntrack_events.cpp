// SPDX-License-Identifier: Apache-2.0
#include "datapath/netfilter/conntrack_events.hpp"

#include <fcntl.h>
#include <libnetfilter_conntrack/libnetfilter_conntrack.h>
#include <libnfnetlink/linux_nfnetlink_compat.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <chrono>
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
#include "os/file.hpp"

namespace masq::netfilter {
namespace {

constexpr int buffer_size = 8 << 20;  // bytes of events that may wait
constexpr const char* events_sysctl = "/proc/sys/net/netfilter/nf_conntrack_events";

struct CloseHandle {
  void operator()(nfct_handle* handle) const { nfct_close(handle); }
};
using EventHandle = std::unique_ptr<nfct_handle, CloseHandle>;

class ConntrackEvents final : public EventSource {
 public:
  ConntrackEvents(EventHandle handle, std::function<Result<std::vector<AddressRange>>()> read_pods)
      : handle_(std::move(handle)), read_pods_(std::move(read_pods)) {}

  Result<void> start() {
    TRY(pods_, read_pods_());
    const int fd = nfct_fd(handle_.get()), on = 1;
    // A full buffer then counts what is lost, and reports no error.
    if (setsockopt(fd, SOL_NETLINK, NETLINK_NO_ENOBUFS, &on, sizeof on) != 0)
      return fail("conntrack: NETLINK_NO_ENOBUFS: {}", std::strerror(errno));
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &buffer_size, sizeof buffer_size);
    nfct_callback_register(handle_.get(), NFCT_T_ALL, &ConntrackEvents::arrived, this);
    return {};
  }

  int fd() const override { return nfct_fd(handle_.get()); }

  void take(const std::function<void(const Event&)>& visit) override {
    visit_ = &visit;
    while (nfct_catch(handle_.get()) >= 0 || errno == EINTR) continue;
    visit_ = nullptr;
  }

  std::uint64_t renew(const EventTypes& /*types*/) override {
    if (auto pods = read_pods_()) pods_ = std::move(*pods);
    const auto ever = dropped();
    return ever - std::exchange(lost_, ever);
  }

 private:
  static int arrived(nf_conntrack_msg_type type, nf_conntrack* entry, void* context) {
    auto& self = *static_cast<ConntrackEvents*>(context);
    const auto mapping = translated_mapping(*entry, self.pods_);
    if (mapping && self.visit_ != nullptr) (*self.visit_)(to_event(type, *mapping));
    return NFCT_CB_CONTINUE;
  }

  static Event to_event(nf_conntrack_msg_type type, const Mapping& mapping) {
    return {.time = std::chrono::system_clock::now(),
            .type = type == NFCT_T_DESTROY ? "ended" : "created",
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

  EventHandle handle_;
  std::function<Result<std::vector<AddressRange>>()> read_pods_;
  std::vector<AddressRange> pods_;
  const std::function<void(const Event&)>* visit_ = nullptr;
  std::uint64_t lost_ = 0;
};

}  // namespace

Result<std::unique_ptr<EventSource>> open_conntrack_events(std::function<Result<std::vector<AddressRange>>()> pods) {
  if (const auto enabled = os::read_file(events_sysctl, 16); enabled && enabled->starts_with('0'))
    return fail("nf_conntrack_events is 0: the kernel records no events of connections");
  EventHandle handle(nfct_open(CONNTRACK, NF_NETLINK_CONNTRACK_NEW | NF_NETLINK_CONNTRACK_DESTROY));
  if (!handle) return fail("conntrack: open: {}", std::strerror(errno));
  const int fd = nfct_fd(handle.get());
  if (fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK) != 0) return fail("conntrack: {}", std::strerror(errno));
  auto events = std::make_unique<ConntrackEvents>(std::move(handle), std::move(pods));
  TRY_DO(events->start());
  return events;
}

}  // namespace masq::netfilter
