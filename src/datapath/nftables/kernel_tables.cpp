// SPDX-License-Identifier: Apache-2.0
#include "datapath/nftables/kernel_tables.hpp"

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>

#include <array>
#include <bit>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <string>

#include "base/result.hpp"
#include "os/netlink.hpp"
#include "os/netlink_writer.hpp"

namespace masq::nftables {

Result<bool> has_table(const std::string& name) {
  constexpr std::uint16_t get_table = NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETTABLE;
  const nfgenmsg header{.nfgen_family = NFPROTO_INET, .version = NFNETLINK_V0, .res_id = 0};
  os::NetlinkWriter request;
  request.raw(std::bit_cast<std::array<std::uint8_t, sizeof header>>(header));
  request.text(NFTA_TABLE_NAME, name);
  TRY(auto requests, os::NetlinkRequests::open(NETLINK_NETFILTER));
  TRY(const auto error, requests.request(get_table, 0, request.written()));
  if (error != 0 && error != ENOENT) return fail("nftables: {}", std::strerror(error));
  return error == 0;
}

}  // namespace masq::nftables
