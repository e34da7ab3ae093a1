// SPDX-License-Identifier: Apache-2.0
#include "datapath/nftables/nf_tables_rule.hpp"

#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_tuple_common.h>
#include <linux/netfilter/nf_tables.h>

#include <array>
#include <bit>
#include <cstdint>
#include <span>
#include <string>

#include "os/netlink_writer.hpp"

namespace masq::nftables {
namespace {

std::array<std::uint8_t, 4> host_bytes(std::uint32_t value) {
  return std::bit_cast<std::array<std::uint8_t, 4>>(value);
}

}  // namespace

template <class Write>
NfTablesRule& NfTablesRule::add(const char* name, Write write) {
  out_.nested(NFTA_LIST_ELEM, [&] {
    out_.text(NFTA_EXPR_NAME, name);
    out_.nested(NFTA_EXPR_DATA, write);
  });
  return *this;
}

NfTablesRule& NfTablesRule::load_meta(std::uint32_t key) {
  return add("meta", [&] {
    out_.be32(NFTA_META_KEY, key);
    out_.be32(NFTA_META_DREG, NFT_REG_1);
  });
}

NfTablesRule& NfTablesRule::load_ct(std::uint32_t key) {
  return add("ct", [&] {
    out_.be32(NFTA_CT_KEY, key);
    out_.be32(NFTA_CT_DREG, NFT_REG_1);
  });
}

NfTablesRule& NfTablesRule::load_ct_original(std::uint32_t key) {
  return add("ct", [&] {
    out_.be32(NFTA_CT_KEY, key);
    out_.be32(NFTA_CT_DREG, NFT_REG_1);
    out_.u8(NFTA_CT_DIRECTION, IP_CT_DIR_ORIGINAL);
  });
}

NfTablesRule& NfTablesRule::load_payload(std::uint32_t base, std::uint32_t offset, std::uint32_t length) {
  return add("payload", [&] {
    out_.be32(NFTA_PAYLOAD_DREG, NFT_REG_1);
    out_.be32(NFTA_PAYLOAD_BASE, base);
    out_.be32(NFTA_PAYLOAD_OFFSET, offset);
    out_.be32(NFTA_PAYLOAD_LEN, length);
  });
}

NfTablesRule& NfTablesRule::load_network(std::uint32_t offset, std::uint32_t length) {
  return load_payload(NFT_PAYLOAD_NETWORK_HEADER, offset, length);
}

NfTablesRule& NfTablesRule::load_transport(std::uint32_t offset, std::uint32_t length) {
  return load_payload(NFT_PAYLOAD_TRANSPORT_HEADER, offset, length);
}

NfTablesRule& NfTablesRule::compare(std::uint32_t operation, std::span<const std::uint8_t> value) {
  return add("cmp", [&] {
    out_.be32(NFTA_CMP_SREG, NFT_REG_1);
    out_.be32(NFTA_CMP_OP, operation);
    out_.nested(NFTA_CMP_DATA, [&] { out_.bytes(NFTA_DATA_VALUE, value); });
  });
}

NfTablesRule& NfTablesRule::is(std::uint8_t value) {
  return compare(NFT_CMP_EQ, {&value, 1});
}

NfTablesRule& NfTablesRule::is_between(std::uint8_t first, std::uint8_t last) {
  compare(NFT_CMP_GTE, {&first, 1});
  return compare(NFT_CMP_LTE, {&last, 1});
}

NfTablesRule& NfTablesRule::has_one_of(std::uint32_t bits) {
  constexpr std::uint32_t length = sizeof bits;
  add("bitwise", [&] {
    out_.be32(NFTA_BITWISE_SREG, NFT_REG_1);
    out_.be32(NFTA_BITWISE_DREG, NFT_REG_1);
    out_.be32(NFTA_BITWISE_LEN, length);
    out_.nested(NFTA_BITWISE_MASK, [&] { out_.bytes(NFTA_DATA_VALUE, host_bytes(bits)); });
    out_.nested(NFTA_BITWISE_XOR, [&] { out_.bytes(NFTA_DATA_VALUE, host_bytes(0)); });
  });
  return compare(NFT_CMP_NEQ, host_bytes(0));
}

NfTablesRule& NfTablesRule::look_up(const std::string& set, std::uint32_t flags) {
  return add("lookup", [&] {
    out_.text(NFTA_LOOKUP_SET, set);
    out_.be32(NFTA_LOOKUP_SREG, NFT_REG_1);
    if (flags != 0) out_.be32(NFTA_LOOKUP_FLAGS, flags);
  });
}

NfTablesRule& NfTablesRule::is_in(const std::string& set) {
  return look_up(set, 0);
}

NfTablesRule& NfTablesRule::is_not_in(const std::string& set) {
  return look_up(set, NFT_LOOKUP_F_INV);
}

NfTablesRule& NfTablesRule::decide(std::int32_t verdict, const std::string& chain) {
  return add("immediate", [&] {
    out_.be32(NFTA_IMMEDIATE_DREG, NFT_REG_VERDICT);
    out_.nested(NFTA_IMMEDIATE_DATA, [&] {
      out_.nested(NFTA_DATA_VERDICT, [&] {
        out_.be32(NFTA_VERDICT_CODE, static_cast<std::uint32_t>(verdict));
        if (!chain.empty()) out_.text(NFTA_VERDICT_CHAIN, chain);
      });
    });
  });
}

NfTablesRule& NfTablesRule::drop() {
  return decide(NF_DROP, {});
}

NfTablesRule& NfTablesRule::go_back() {
  return decide(NFT_RETURN, {});
}

NfTablesRule& NfTablesRule::go_to(const std::string& chain) {
  return decide(NFT_GOTO, chain);
}

}  // namespace masq::nftables
