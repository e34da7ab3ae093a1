// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <linux/rtnetlink.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "os/fd.hpp"

struct mnl_socket;

namespace masq::os {

// The attributes of one message or of one nested attribute. Attributes that are missing or unknown to the kernel header
// read as empty.
class NetlinkAttributes {
 public:
  static constexpr std::size_t limit = 128;

  static NetlinkAttributes of_message(const nlmsghdr& message, std::size_t header_size);
  NetlinkAttributes nested(int type) const;
  static NetlinkAttributes in(std::span<const std::uint8_t> payload);

  bool has(int type) const { return payloads_[index(type)].data() != nullptr; }
  std::span<const std::uint8_t> bytes(int type) const { return payloads_[index(type)]; }
  // Text without its terminating zero byte.
  std::string_view text(int type) const;
  // The texts of all attributes of one type, which may be repeated (IFLA_ALT_IFNAME).
  std::vector<std::string> texts(int type) const;
  std::uint32_t u32(int type, std::uint32_t otherwise = 0) const;

 private:
  static std::size_t index(int type) { return std::min(static_cast<std::size_t>(type), limit); }
  std::array<std::span<const std::uint8_t>, limit + 1> payloads_{};  // the last one stays empty
  std::span<const std::uint8_t> all_;
};

// Calls `visit` with the type and the payload of each attribute, in their order.
void visit_attributes(std::span<const std::uint8_t> payload,
                      const std::function<void(int type, std::span<const std::uint8_t> payload)>& visit);

// Returns the payload of a message behind its type's struct of this size; empty if the message is shorter.
std::span<const std::uint8_t> attributes_of_message(const nlmsghdr& message, std::size_t header_size);

// Returns a non-blocking socket that receives the messages of these groups (RTMGRP_*). Its buffer is sufficient for
// thousands of interfaces that change at once.
Result<Fd> subscribe_to_rtnetlink(unsigned groups);

// A socket for netlink requests. Events have a separate socket (NetlinkMonitor).
class NetlinkRequests {
 public:
  // `bus`: NETLINK_ROUTE, NETLINK_SOCK_DIAG, …
  static Result<NetlinkRequests> open(int bus = NETLINK_ROUTE);
  NetlinkRequests(NetlinkRequests&& other) noexcept;
  NetlinkRequests& operator=(NetlinkRequests&&) = delete;
  ~NetlinkRequests();

  // Reads all objects of one type (RTM_GETLINK, …). `header` is the type's struct (ifinfomsg, …), optionally followed
  // by attributes. `append` converts a message to zero or more T. A table that changes during the dump is read again. A
  // family or a table that the kernel does not have is empty.
  template <class T, class Append>
  Result<std::vector<T>> dump(std::uint16_t type, std::span<const std::uint8_t> header, Append append) {
    std::vector<T> objects;
    TRY_DO(
        dump_whole(type, header, [&] { objects.clear(); }, [&](const nlmsghdr& message) { append(message, objects); }));
    return objects;
  }

  using Visit = std::function<void(const nlmsghdr&)>;
  // The same, and visits each message when it arrives. A table that changes during the dump is not read again: objects
  // may be missing or repeated.
  Result<void> visit_dump(std::uint16_t type, std::span<const std::uint8_t> header, const Visit& visit);
  // Sends one request that is no dump, and visits the reply. Fails with the kernel's error.
  Result<void> ask(std::uint16_t type, std::span<const std::uint8_t> payload, const Visit& visit);
  // Sends one request that changes or finds an object (`flags`: NLM_F_CREATE, NLM_F_EXCL), and returns the kernel's
  // errno, 0 for success. Fails if there is no reply.
  Result<int> request(std::uint16_t type, std::uint16_t flags, std::span<const std::uint8_t> payload);

 private:
  enum class Outcome : std::uint8_t { complete, interrupted };

  explicit NetlinkRequests(mnl_socket* socket) : socket_(socket) {}
  Result<void> dump_whole(std::uint16_t type, std::span<const std::uint8_t> header, const std::function<void()>& begin,
                          const Visit& visit);
  Result<Outcome> dump_once(std::uint16_t type, std::span<const std::uint8_t> header, const Visit& visit);
  Result<void> send(std::uint16_t type, std::uint16_t flags, std::span<const std::uint8_t> header);

  mnl_socket* socket_;
  std::uint32_t sequence_ = 0;
};

}  // namespace masq::os
