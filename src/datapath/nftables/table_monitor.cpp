// SPDX-License-Identifier: Apache-2.0
#include "datapath/nftables/table_monitor.hpp"

#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "os/event_loop.hpp"
#include "os/fd.hpp"
#include "os/netlink.hpp"

namespace masq::nftables {
namespace {

constexpr int buffer_size = 16 << 20;  // for a transaction of many thousand elements
constexpr auto check_every = std::chrono::seconds(1);
constexpr int table_attribute = 1;  // NFTA_TABLE_NAME, NFTA_CHAIN_TABLE, NFTA_RULE_TABLE, NFTA_SET_TABLE, …
static_assert(NFTA_TABLE_NAME == 1 && NFTA_CHAIN_TABLE == 1 && NFTA_RULE_TABLE == 1 && NFTA_SET_TABLE == 1 &&
              NFTA_SET_ELEM_LIST_TABLE == 1 && NFTA_OBJ_TABLE == 1);

// The kernel reports the process id of the first pid namespace, which may differ from this one; a process name is the
// same in all.
std::string own_name() {
  std::array<char, 16> name{};  // TASK_COMM_LEN
  prctl(PR_GET_NAME, name.data());
  return name.data();
}

// Returns the generation of the ruleset of this network namespace.
std::optional<std::uint32_t> read_generation() {
  const os::Fd fd(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER));
  struct {
    nlmsghdr header;
    nfgenmsg body;
  } request{};
  request.header.nlmsg_len = sizeof request;
  request.header.nlmsg_type = (NFNL_SUBSYS_NFTABLES << 8) | NFT_MSG_GETGEN;
  request.header.nlmsg_flags = NLM_F_REQUEST;
  request.body.nfgen_family = AF_UNSPEC;
  if (!fd || send(fd.get(), &request, sizeof request, 0) != sizeof request) return std::nullopt;
  std::array<char, 4096> reply{};
  const auto size = recv(fd.get(), reply.data(), reply.size(), MSG_DONTWAIT);  // the kernel has replied in send()
  const auto* const message = reinterpret_cast<const nlmsghdr*>(reply.data());
  if (size <= 0 || !NLMSG_OK(message, static_cast<unsigned>(size)) ||
      NFNL_MSG_TYPE(message->nlmsg_type) != NFT_MSG_NEWGEN)
    return std::nullopt;
  const auto attributes = os::NetlinkAttributes::of_message(*message, sizeof(nfgenmsg));
  if (!attributes.has(NFTA_GEN_ID)) return std::nullopt;
  return ntohl(attributes.u32(NFTA_GEN_ID));
}

}  // namespace

Result<std::unique_ptr<TableMonitor>> TableMonitor::open(os::EventLoop& loop, std::vector<std::string> tables,
                                                         std::function<void()> changed) {
  os::Fd fd(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_NETFILTER));
  if (!fd) return fail("open a netlink socket: {}", std::strerror(errno));
  if (setsockopt(fd.get(), SOL_SOCKET, SO_RCVBUFFORCE, &buffer_size, sizeof buffer_size) != 0)
    setsockopt(fd.get(), SOL_SOCKET, SO_RCVBUF, &buffer_size, sizeof buffer_size);  // without CAP_NET_ADMIN
  const int group = NFNLGRP_NFTABLES;
  sockaddr_nl address{};
  address.nl_family = AF_NETLINK;
  if (bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      setsockopt(fd.get(), SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof group) != 0)
    return fail("subscribe to nftables: {}", std::strerror(errno));
  std::unique_ptr<TableMonitor> monitor(new TableMonitor(loop, std::move(fd), std::move(tables), std::move(changed)));
  TRY(monitor->watch_, loop.watch(monitor->fd_.get(), EPOLLIN, [raw = monitor.get()](std::uint32_t) { raw->drain(); }));
  monitor->check_generation();
  return monitor;
}

bool GenerationCheck::misses_event(std::uint32_t current) {
  // Generations wrap around.
  const bool misses = expected_ && seen_ && static_cast<std::int32_t>(*expected_ - *seen_) > 0;
  expected_ = current;
  if (misses || !seen_) seen_ = current;
  return misses;
}

void TableMonitor::check_generation() {
  check_.start(check_every, [this] { check_generation(); });
  drain();
  const auto current = read_generation();
  if (!current) return;
  checked_at_ = timers_.now();
  if (generations_.misses_event(*current)) changed_();
}

// The kernel sends the event before the program has its reply. The events of the time are counted and not compared:
// with two transactions, one is another process's, whichever it is.
Result<void> TableMonitor::run(const std::function<Result<void>()>& transaction) {
  drain();
  auto done = transaction();
  own_transactions_ = done ? 1 : 0;
  drain();
  own_transactions_ = 0;
  return done;
}

void TableMonitor::drain() {
  std::vector<char> buffer(64 << 10);
  bool changed = false;
  for (;;) {
    const auto size = recv(fd_.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (size < 0 && errno == EINTR) continue;
    if (size < 0 && errno == ENOBUFS) {  // some messages were lost, and their tables are unknown
      changed = true;
      continue;
    }
    if (size <= 0) break;
    const auto* message = reinterpret_cast<const nlmsghdr*>(buffer.data());
    for (auto rest = static_cast<unsigned>(size); NLMSG_OK(message, rest); message = NLMSG_NEXT(message, rest))
      changed |= take(*message);
  }
  if (changed) changed_();
}

// Returns true at the end of another process's transaction that changed one of the tables.
bool TableMonitor::take(const nlmsghdr& message) {
  if (NFNL_SUBSYS_ID(message.nlmsg_type) != NFNL_SUBSYS_NFTABLES) return false;
  const auto attributes = os::NetlinkAttributes::of_message(message, sizeof(nfgenmsg));
  if (NFNL_MSG_TYPE(message.nlmsg_type) == NFT_MSG_NEWGEN) {
    generations_.note_event(ntohl(attributes.u32(NFTA_GEN_ID)));
    if (!std::exchange(touched_, false) || attributes.text(NFTA_GEN_PROC_NAME) == own_name()) return false;
    if (own_transactions_ == 0) return true;
    --own_transactions_;
    return false;
  }
  const auto& header = *static_cast<const nfgenmsg*>(NLMSG_DATA(&message));
  touched_ |= header.nfgen_family == NFPROTO_INET &&
              std::ranges::find(tables_, attributes.text(table_attribute)) != tables_.end();
  return false;
}

}  // namespace masq::nftables
