// SPDX-License-Identifier: Apache-2.0
#include "datapath/netfilter/conntrack.hpp"

#include <fmt/format.h>
#include <linux/netlink.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <functional>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "datapath/netfilter/conntrack_message.hpp"
#include "os/netlink.hpp"

namespace masq::netfilter {

Result<Conntrack> Conntrack::open() {
  auto requests = os::NetlinkRequests::open(NETLINK_NETFILTER);
  if (!requests) return fail_with("conntrack", requests.error());
  return Conntrack(std::move(*requests));
}

Result<void> Conntrack::visit(const std::function<void(const Connection&)>& visit) {
  const auto done = requests_.visit_dump(conntrack_get, dump_request(), [&](const nlmsghdr& message) {
    if (const auto connection = parse_connection(message)) visit(*connection);
  });
  if (!done) return fail_with("conntrack: read entries", done.error());
  return {};
}

Result<bool> Conntrack::erase(const Connection& connection) {
  return change(conntrack_delete, 0, delete_request(connection), ENOENT, "delete an entry");
}

Result<bool> Conntrack::create(const Connection& connection) {
  return change(conntrack_new, NLM_F_CREATE | NLM_F_EXCL, create_request(connection), EEXIST, "create an entry");
}

// `harmless`: the errno that means "false".
Result<bool> Conntrack::change(std::uint16_t type, int flags, const std::vector<std::uint8_t>& request, int harmless,
                               const char* what) {
  const auto error = requests_.request(type, static_cast<std::uint16_t>(flags), request);
  if (!error) return fail_with(fmt::format("conntrack: {}", what), error.error());
  if (*error != 0 && *error != harmless) return fail("conntrack: {}: {}", what, std::strerror(*error));
  return *error == 0;
}

}  // namespace masq::netfilter
