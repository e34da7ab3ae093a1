// SPDX-License-Identifier: Apache-2.0
#include "datapath/nftables/nf_tables_batch.hpp"

#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <net/if.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/address.hpp"
#include "base/address_range.hpp"
#include "datapath/nftables/nf_tables_rule.hpp"

namespace masq::nftables {
namespace {

// The numbers of nft for the types of keys. The kernel stores them only.
constexpr std::uint32_t type_ipv4_address = 7;
constexpr std::uint32_t type_ipv6_address = 8;
constexpr std::uint32_t type_device_name = 41;
constexpr std::uint32_t host_byte_order = 1;
constexpr std::uint32_t network_byte_order = 2;

constexpr std::size_t elements_in_a_message = 1000;  // an attribute has less than 64 KiB
// Nft's numbers in the user data of a rule and of a set.
constexpr std::uint8_t comment_data = 0;
constexpr std::uint8_t byte_order_data = 0;

std::array<std::uint8_t, sizeof(nfgenmsg)> header(int family, std::uint16_t subsystem) {
  return std::bit_cast<std::array<std::uint8_t, sizeof(nfgenmsg)>>(
      nfgenmsg{.nfgen_family = static_cast<std::uint8_t>(family), .version = NFNETLINK_V0, .res_id = htons(subsystem)});
}

std::vector<std::uint8_t> bytes_of(const Address& address) {
  return {address.bytes().begin(), address.bytes().end()};
}

}  // namespace

NfTablesBatch::NfTablesBatch(std::string table) : table_(std::move(table)) {
  put_limit(NFNL_MSG_BATCH_BEGIN);
}

void NfTablesBatch::put_limit(int type) {
  out_.message(static_cast<std::uint16_t>(type), 0, ++sequence_, header(AF_UNSPEC, NFNL_SUBSYS_NFTABLES), [] {});
}

void NfTablesBatch::put(int type, int flags, const std::function<void()>& write) {
  out_.message(static_cast<std::uint16_t>(NFNL_SUBSYS_NFTABLES << 8 | type), static_cast<std::uint16_t>(flags),
               ++sequence_, header(NFPROTO_INET, 0), write);
}

void NfTablesBatch::add_table(std::uint32_t flags) {
  put(NFT_MSG_NEWTABLE, NLM_F_CREATE, [&] {
    out_.text(NFTA_TABLE_NAME, table_);
    if (flags != 0) out_.be32(NFTA_TABLE_FLAGS, flags);
  });
}

void NfTablesBatch::delete_table() {
  put(NFT_MSG_DELTABLE, 0, [&] { out_.text(NFTA_TABLE_NAME, table_); });
}

void NfTablesBatch::add_set(const std::string& name, const SetKey& key) {
  put(NFT_MSG_NEWSET, NLM_F_CREATE, [&] {
    out_.text(NFTA_SET_TABLE, table_);
    out_.text(NFTA_SET_NAME, name);
    out_.be32(NFTA_SET_FLAGS, key.flags);
    out_.be32(NFTA_SET_KEY_TYPE, key.type);
    out_.be32(NFTA_SET_KEY_LEN, key.length);
    out_.be32(NFTA_SET_ID, ++sets_);
    std::vector<std::uint8_t> data = {byte_order_data, sizeof key.byte_order};
    const auto order = std::bit_cast<std::array<std::uint8_t, sizeof key.byte_order>>(key.byte_order);
    data.insert(data.end(), order.begin(), order.end());
    out_.bytes(NFTA_SET_USERDATA, data);
  });
}

void NfTablesBatch::add_address_set(const std::string& name, Family family) {
  add_set(name, {.type = family == Family::ipv4 ? type_ipv4_address : type_ipv6_address,
                 .byte_order = network_byte_order,
                 .length = static_cast<std::uint32_t>(address_bytes(family)),
                 .flags = NFT_SET_INTERVAL});
}

void NfTablesBatch::add_device_set(const std::string& name) {
  add_set(name, {.type = type_device_name, .byte_order = host_byte_order, .length = IFNAMSIZ, .flags = 0});
}

// The last message requests an acknowledgement: those of many messages do not fit into the socket's buffer.
void NfTablesBatch::put_elements(int type, int flags, const std::string& set, std::span<const Element> elements) {
  while (!elements.empty()) {
    const auto some = elements.first(std::min(elements.size(), elements_in_a_message));
    elements = elements.subspan(some.size());
    put(type, elements.empty() ? flags | NLM_F_ACK : flags, [&] {
      out_.text(NFTA_SET_ELEM_LIST_TABLE, table_);
      out_.text(NFTA_SET_ELEM_LIST_SET, set);
      out_.nested(NFTA_SET_ELEM_LIST_ELEMENTS, [&] {
        for (const auto& element : some)
          out_.nested(NFTA_LIST_ELEM, [&] {
            if (element.ends_interval) out_.be32(NFTA_SET_ELEM_FLAGS, NFT_SET_ELEM_INTERVAL_END);
            out_.nested(NFTA_SET_ELEM_KEY, [&] { out_.bytes(NFTA_DATA_VALUE, element.key); });
          });
      });
    });
  }
}

// An interval is two elements: its first address, and the first address behind it.
std::vector<NfTablesBatch::Element> NfTablesBatch::elements_of(const std::vector<AddressRange>& ranges) {
  std::vector<Element> elements;
  elements.reserve(2 * ranges.size());
  for (const auto& range : ranges) {
    elements.push_back({.key = bytes_of(range.first)});
    if (const auto behind = next(range.last)) elements.push_back({.key = bytes_of(*behind), .ends_interval = true});
  }
  return elements;
}

std::vector<NfTablesBatch::Element> NfTablesBatch::elements_of(const std::vector<std::string>& devices) {
  std::vector<Element> elements;
  for (const auto& device : devices) {
    Element element{.key = std::vector<std::uint8_t>(device.begin(), device.end())};
    element.key.resize(IFNAMSIZ);
    elements.push_back(std::move(element));
  }
  return elements;
}

void NfTablesBatch::add_elements(const std::string& set, const std::vector<AddressRange>& ranges) {
  put_elements(NFT_MSG_NEWSETELEM, NLM_F_CREATE, set, elements_of(ranges));
}

void NfTablesBatch::add_elements(const std::string& set, const std::vector<std::string>& devices) {
  put_elements(NFT_MSG_NEWSETELEM, NLM_F_CREATE, set, elements_of(devices));
}

void NfTablesBatch::delete_elements(const std::string& set, const std::vector<AddressRange>& ranges) {
  put_elements(NFT_MSG_DELSETELEM, 0, set, elements_of(ranges));
}

void NfTablesBatch::delete_elements(const std::string& set, const std::vector<std::string>& devices) {
  put_elements(NFT_MSG_DELSETELEM, 0, set, elements_of(devices));
}

void NfTablesBatch::add_chain(const std::string& name) {
  put(NFT_MSG_NEWCHAIN, NLM_F_CREATE, [&] {
    out_.text(NFTA_CHAIN_TABLE, table_);
    out_.text(NFTA_CHAIN_NAME, name);
  });
}

void NfTablesBatch::add_base_chain(const std::string& name, const char* type, std::uint32_t hook,
                                   std::int32_t priority) {
  put(NFT_MSG_NEWCHAIN, NLM_F_CREATE, [&] {
    out_.text(NFTA_CHAIN_TABLE, table_);
    out_.text(NFTA_CHAIN_NAME, name);
    out_.nested(NFTA_CHAIN_HOOK, [&] {
      out_.be32(NFTA_HOOK_HOOKNUM, hook);
      out_.be32(NFTA_HOOK_PRIORITY, static_cast<std::uint32_t>(priority));
    });
    out_.be32(NFTA_CHAIN_POLICY, NF_ACCEPT);
    out_.text(NFTA_CHAIN_TYPE, type);
  });
}

void NfTablesBatch::add_rule(const std::string& chain, const NfTablesRule& rule, const std::string& comment) {
  put(NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND | NLM_F_ACK, [&] {
    out_.text(NFTA_RULE_TABLE, table_);
    out_.text(NFTA_RULE_CHAIN, chain);
    out_.bytes(NFTA_RULE_EXPRESSIONS | NLA_F_NESTED, rule.expressions());
    std::vector<std::uint8_t> data = {comment_data, static_cast<std::uint8_t>(comment.size() + 1)};
    data.insert(data.end(), comment.begin(), comment.end());
    data.push_back(0);
    out_.bytes(NFTA_RULE_USERDATA, data);
  });
}

void NfTablesBatch::commit() {
  put_limit(NFNL_MSG_BATCH_END);
}

}  // namespace masq::nftables
