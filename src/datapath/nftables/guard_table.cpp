// SPDX-License-Identifier: Apache-2.0
#include "datapath/nftables/guard_table.hpp"

#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <vector>

#include "base/result.hpp"
#include "datapath/netfilter/nft.hpp"
#include "datapath/nftables/guard.hpp"
#include "datapath/nftables/nf_tables_batch.hpp"
#include "datapath/nftables/nf_tables_rule.hpp"
#include "os/fd.hpp"

namespace masq::nftables {
namespace {

using Bytes = std::vector<std::uint8_t>;

Result<os::Fd> open_socket() {
  os::Fd fd(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER));
  sockaddr_nl address{};
  address.nl_family = AF_NETLINK;
  if (!fd || bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    return fail("nftables: open a netlink socket: {}", std::strerror(errno));
  const int on = 1;  // an acknowledgement does not repeat its message
  setsockopt(fd.get(), SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof on);
  return fd;
}

// The whole transaction is one message of the socket.
void make_room(const os::Fd& fd, std::size_t size) {
  const int room = static_cast<int>(size) + 4096;
  if (setsockopt(fd.get(), SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof room) != 0)
    setsockopt(fd.get(), SOL_SOCKET, SO_SNDBUF, &room, sizeof room);
}

// Returns the kernel's first errno, 0 for an acknowledgement without errors, or nullopt if there is none. The kernel
// has replied before send() returns.
std::optional<int> read_reply(const os::Fd& fd) {
  std::optional<int> first;
  alignas(nlmsghdr) std::array<char, 16 << 10> buffer{};
  for (;;) {
    const auto size = recv(fd.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (size < 0 && errno == EINTR) continue;
    if (size < 0 && errno == ENOBUFS) return ENOBUFS;  // only many errors do not fit
    if (size <= 0) return first;
    const auto* message = reinterpret_cast<const nlmsghdr*>(buffer.data());
    for (auto rest = static_cast<unsigned>(size); NLMSG_OK(message, rest); message = NLMSG_NEXT(message, rest)) {
      if (message->nlmsg_type != NLMSG_ERROR || message->nlmsg_len < NLMSG_LENGTH(sizeof(int))) continue;
      int error = 0;
      std::memcpy(&error, NLMSG_DATA(message), sizeof error);
      if (first.value_or(0) == 0) first = -error;
    }
  }
}

Result<void> transact(const os::Fd& fd, const Bytes& messages) {
  if (messages.empty()) return {};
  make_room(fd, messages.size());
  const auto sent = send(fd.get(), messages.data(), messages.size(), 0);
  if (sent < 0) return fail("nftables: {}", std::strerror(errno));
  const auto error = read_reply(fd);
  if (!error) return fail("nftables: no reply of the kernel");
  if (*error != 0) return fail("nftables: {}", std::strerror(*error));
  return {};
}

// The kernel undoes a transaction without its last message.
Bytes without_commit(Bytes messages) {
  if (!messages.empty()) messages.resize(messages.size() - NLMSG_LENGTH(sizeof(nfgenmsg)));
  return messages;
}

// The errors of a process without privilege, and of a kernel without nftables, appear in write().
bool kernel_has_owners() {
  NfTablesBatch batch("masq-probe");
  batch.add_table(NFT_TABLE_F_OWNER);
  batch.add_chain("probe");
  batch.add_rule("probe", NfTablesRule().drop(), "probe");
  const auto fd = open_socket();
  return fd && transact(*fd, batch.messages()).has_value();
}

}  // namespace

GuardTable::GuardTable() : has_owner_(kernel_has_owners()) {}

// Other processes may change a table without an owner.
Bytes GuardTable::transaction_for(const Guard& guard) const {
  return written_ && has_owner_ ? guard_change(*written_, guard) : guard_batch(guard, has_owner_);
}

Result<void> GuardTable::open() {
  if (owner_) return {};
  TRY(owner_, open_socket());
  return {};
}

Result<void> GuardTable::write(const Guard& guard) {
  TRY_DO(open());
  if (written_ == guard && has_owner_) return {};
  const auto done = transact(owner_, transaction_for(guard));
  written_ = done ? std::optional(guard) : std::nullopt;
  if (!done) return fail_with(netfilter::nft_guard_name, done.error());
  return {};
}

Result<void> GuardTable::check(const Guard& guard) {
  TRY_DO(open());
  if (written_ == guard && has_owner_) return {};
  const auto done = transact(owner_, without_commit(transaction_for(guard)));
  if (!done) return fail_with(netfilter::nft_guard_name, done.error());
  return {};
}

void GuardTable::release() {
  owner_.reset();
  written_.reset();
}

}  // namespace masq::nftables
