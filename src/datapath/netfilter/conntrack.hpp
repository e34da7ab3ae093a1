// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "datapath/netfilter/conntrack_message.hpp"
#include "os/netlink.hpp"

namespace masq::netfilter {

// The entries of conntrack in this network namespace.
class Conntrack {
 public:
  static Result<Conntrack> open();

  // Visits every entry of both families. The kernel walks through the hash table of all network namespaces for it,
  // which takes milliseconds on a large machine.
  Result<void> visit(const std::function<void(const Connection&)>& visit);
  // As delete_request(). Returns false if there was no such entry.
  Result<bool> erase(const Connection& connection);
  // As create_request(). Returns false if an entry with one of the two tuples exists.
  Result<bool> create(const Connection& connection);

 private:
  explicit Conntrack(os::NetlinkRequests requests) : requests_(std::move(requests)) {}
  Result<bool> change(std::uint16_t type, int flags, const std::vector<std::uint8_t>& request, int harmless,
                      const char* what);

  os::NetlinkRequests requests_;
};

}  // namespace masq::netfilter
