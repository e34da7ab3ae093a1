// SPDX-License-Identifier: Apache-2.0
#include "os/netlink.hpp"

#include <libmnl/libmnl.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "os/fd.hpp"

namespace masq::os {
namespace {

constexpr int attempts = 16;            // to read a table that changes during the dump
constexpr int events_buffer = 8 << 20;  // bytes

std::span<const std::uint8_t> payload_of(const nlattr& attribute) {
  return {static_cast<const std::uint8_t*>(mnl_attr_get_payload(&attribute)), mnl_attr_get_payload_len(&attribute)};
}

template <class Visit>
void for_each_attribute(std::span<const std::uint8_t> payload, Visit visit) {
  const auto* const end = payload.data() + payload.size();
  const auto* attribute = reinterpret_cast<const nlattr*>(payload.data());
  const auto left = [&] { return static_cast<int>(end - reinterpret_cast<const std::uint8_t*>(attribute)); };
  for (; mnl_attr_ok(attribute, left()); attribute = mnl_attr_next(attribute)) visit(*attribute);
}

std::string_view text_of(std::span<const std::uint8_t> payload) {
  const std::string_view text(reinterpret_cast<const char*>(payload.data()), payload.size());
  return text.substr(0, text.find('\0'));
}

// Errors of a kernel without IPv6, or of a namespace that never had a route.
bool means_empty(int error) {
  return error == EOPNOTSUPP || error == EAFNOSUPPORT || error == ENOENT;
}

// The end of a dump and an error both begin with 0 or a negative errno.
int error_of(const nlmsghdr& message) {
  int error = 0;
  if (mnl_nlmsg_get_payload_len(&message) >= sizeof error)
    std::memcpy(&error, mnl_nlmsg_get_payload(&message), sizeof error);
  return -error;
}

enum class Reply : std::uint8_t { goes_on, is_complete };

// Calls `handle` with each message that answers the request of this number, until the reply is complete or an error.
template <class Handle>
Result<void> receive(mnl_socket* socket, std::uint32_t sequence, Handle handle) {
  std::vector<std::uint8_t> buffer(64 * 1024);
  for (;;) {
    const ssize_t received = mnl_socket_recvfrom(socket, buffer.data(), buffer.size());
    if (received < 0) return fail("netlink: {}", std::strerror(errno));
    int left = static_cast<int>(received);
    for (const auto* message = reinterpret_cast<const nlmsghdr*>(buffer.data()); mnl_nlmsg_ok(message, left);
         message = mnl_nlmsg_next(message, &left)) {
      if (message->nlmsg_seq != sequence) continue;  // a reply to an abandoned attempt
      TRY(const auto reply, handle(*message));
      if (reply == Reply::is_complete) return {};
    }
  }
}

}  // namespace

NetlinkAttributes NetlinkAttributes::in(std::span<const std::uint8_t> payload) {
  NetlinkAttributes found;
  found.all_ = payload;
  for_each_attribute(payload, [&](const nlattr& attribute) {
    const auto type = mnl_attr_get_type(&attribute);
    if (type < limit) found.payloads_[type] = payload_of(attribute);
  });
  return found;
}

void visit_attributes(std::span<const std::uint8_t> payload,
                      const std::function<void(int type, std::span<const std::uint8_t> payload)>& visit) {
  for_each_attribute(payload,
                     [&](const nlattr& attribute) { visit(mnl_attr_get_type(&attribute), payload_of(attribute)); });
}

std::span<const std::uint8_t> attributes_of_message(const nlmsghdr& message, std::size_t header_size) {
  const auto size = mnl_nlmsg_get_payload_len(&message);
  const std::size_t skipped = MNL_ALIGN(header_size);
  if (size < skipped) return {};
  return {static_cast<const std::uint8_t*>(mnl_nlmsg_get_payload(&message)) + skipped, size - skipped};
}

NetlinkAttributes NetlinkAttributes::of_message(const nlmsghdr& message, std::size_t header_size) {
  return in(attributes_of_message(message, header_size));
}

NetlinkAttributes NetlinkAttributes::nested(int type) const {
  return in(bytes(type));
}

std::string_view NetlinkAttributes::text(int type) const {
  return text_of(bytes(type));
}

std::vector<std::string> NetlinkAttributes::texts(int type) const {
  std::vector<std::string> found;
  for_each_attribute(all_, [&](const nlattr& attribute) {
    if (mnl_attr_get_type(&attribute) == type) found.emplace_back(text_of(payload_of(attribute)));
  });
  return found;
}

std::uint32_t NetlinkAttributes::u32(int type, std::uint32_t otherwise) const {
  const auto payload = bytes(type);
  std::uint32_t value = otherwise;
  if (payload.size() >= sizeof value) std::memcpy(&value, payload.data(), sizeof value);
  return value;
}

Result<Fd> subscribe_to_rtnetlink(unsigned groups) {
  Fd fd(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE));
  if (!fd) return fail("open a netlink socket: {}", std::strerror(errno));
  if (setsockopt(fd.get(), SOL_SOCKET, SO_RCVBUFFORCE, &events_buffer, sizeof events_buffer) != 0)
    setsockopt(fd.get(), SOL_SOCKET, SO_RCVBUF, &events_buffer, sizeof events_buffer);  // without CAP_NET_ADMIN
  sockaddr_nl address{};
  address.nl_family = AF_NETLINK;
  address.nl_groups = groups;
  if (bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    return fail("subscribe to netlink: {}", std::strerror(errno));
  return fd;
}

Result<NetlinkRequests> NetlinkRequests::open(int bus) {
  NetlinkRequests requests(mnl_socket_open2(bus, SOCK_CLOEXEC));
  if (!requests.socket_ || mnl_socket_bind(requests.socket_, 0, MNL_SOCKET_AUTOPID) != 0)
    return fail("open a netlink socket: {}", std::strerror(errno));
  // The kernel then applies the filters (4.20), so that a full BGP table in another routing table is not copied.
  int on = 1;
  mnl_socket_setsockopt(requests.socket_, NETLINK_GET_STRICT_CHK, &on, sizeof on);
  const timeval deadline{.tv_sec = 5, .tv_usec = 0};
  if (setsockopt(mnl_socket_get_fd(requests.socket_), SOL_SOCKET, SO_RCVTIMEO, &deadline, sizeof deadline) != 0)
    return fail("netlink: SO_RCVTIMEO: {}", std::strerror(errno));
  return requests;
}

NetlinkRequests::NetlinkRequests(NetlinkRequests&& other) noexcept
    : socket_(std::exchange(other.socket_, nullptr)), sequence_(other.sequence_) {}

NetlinkRequests::~NetlinkRequests() {
  if (socket_) mnl_socket_close(socket_);
}

Result<void> NetlinkRequests::dump_whole(std::uint16_t type, std::span<const std::uint8_t> header,
                                         const std::function<void()>& begin, const Visit& visit) {
  for (int i = 0; i < attempts; ++i) {
    begin();
    TRY(auto outcome, dump_once(type, header, visit));
    if (outcome == Outcome::complete) return {};
  }
  return fail("netlink: the table changed during each of {} attempts to read it", attempts);
}

Result<void> NetlinkRequests::send(std::uint16_t type, std::uint16_t flags, std::span<const std::uint8_t> header) {
  std::vector<std::uint8_t> request(MNL_NLMSG_HDRLEN + header.size());
  auto* message = mnl_nlmsg_put_header(request.data());
  message->nlmsg_type = type;
  message->nlmsg_flags = static_cast<std::uint16_t>(NLM_F_REQUEST | flags);
  message->nlmsg_seq = ++sequence_;
  message->nlmsg_len = static_cast<std::uint32_t>(request.size());
  std::ranges::copy(header, static_cast<std::uint8_t*>(mnl_nlmsg_get_payload(message)));
  if (mnl_socket_sendto(socket_, message, message->nlmsg_len) < 0) return fail("netlink: {}", std::strerror(errno));
  return {};
}

Result<NetlinkRequests::Outcome> NetlinkRequests::dump_once(std::uint16_t type, std::span<const std::uint8_t> header,
                                                            const Visit& visit) {
  TRY_DO(send(type, NLM_F_DUMP, header));
  bool interrupted = false;
  TRY_DO(receive(socket_, sequence_, [&](const nlmsghdr& message) -> Result<Reply> {
    interrupted |= (message.nlmsg_flags & NLM_F_DUMP_INTR) != 0;
    if (message.nlmsg_type >= NLMSG_MIN_TYPE) visit(message);
    if (message.nlmsg_type != NLMSG_DONE && message.nlmsg_type != NLMSG_ERROR) return Reply::goes_on;
    if (const int error = error_of(message); error != 0 && !means_empty(error))
      return fail("netlink: {}", std::strerror(error));
    return Reply::is_complete;
  }));
  return interrupted ? Outcome::interrupted : Outcome::complete;
}

Result<void> NetlinkRequests::visit_dump(std::uint16_t type, std::span<const std::uint8_t> header, const Visit& visit) {
  TRY_DO(dump_once(type, header, visit));
  return {};
}

Result<int> NetlinkRequests::request(std::uint16_t type, std::uint16_t flags, std::span<const std::uint8_t> payload) {
  TRY_DO(send(type, static_cast<std::uint16_t>(flags | NLM_F_ACK), payload));
  int error = 0;
  TRY_DO(receive(socket_, sequence_, [&](const nlmsghdr& message) -> Result<Reply> {
    if (message.nlmsg_type != NLMSG_ERROR) return Reply::goes_on;
    error = error_of(message);
    return Reply::is_complete;
  }));
  return error;
}

Result<void> NetlinkRequests::ask(std::uint16_t type, std::span<const std::uint8_t> payload, const Visit& visit) {
  TRY_DO(send(type, 0, payload));
  return receive(socket_, sequence_, [&](const nlmsghdr& message) -> Result<Reply> {
    if (message.nlmsg_type != NLMSG_ERROR)
      visit(message);
    else if (const int error = error_of(message); error != 0)
      return fail("{}", std::strerror(error));
    return Reply::is_complete;
  });
}

}  // namespace masq::os
