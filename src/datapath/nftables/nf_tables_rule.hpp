// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "os/netlink_writer.hpp"

namespace masq::nftables {

// The expressions of one rule, as the kernel has them (linux/netfilter/nf_tables.h). Each load_… puts a value into the
// only register that is used; a condition compares the register, and ends the rule if it does not hold.
class NfTablesRule {
 public:
  NfTablesRule& load_meta(std::uint32_t key);  // NFT_META_*
  NfTablesRule& load_ct(std::uint32_t key);    // NFT_CT_*
  NfTablesRule& load_ct_original(std::uint32_t key);
  NfTablesRule& load_network(std::uint32_t offset, std::uint32_t length);    // bytes of the IP header
  NfTablesRule& load_transport(std::uint32_t offset, std::uint32_t length);  // bytes of the header after it

  NfTablesRule& is(std::uint8_t value);  // of a register with one byte
  NfTablesRule& is_between(std::uint8_t first, std::uint8_t last);
  NfTablesRule& has_one_of(std::uint32_t bits);  // of a register in the host's byte order
  NfTablesRule& is_in(const std::string& set);
  NfTablesRule& is_not_in(const std::string& set);

  // The last expression.
  NfTablesRule& drop();
  NfTablesRule& go_back();  // "return"
  NfTablesRule& go_to(const std::string& chain);

  // List elements for the attribute NFTA_RULE_EXPRESSIONS.
  std::span<const std::uint8_t> expressions() const { return out_.written(); }

 private:
  template <class Write>
  NfTablesRule& add(const char* name, Write write);
  NfTablesRule& load_payload(std::uint32_t base, std::uint32_t offset, std::uint32_t length);
  NfTablesRule& compare(std::uint32_t operation, std::span<const std::uint8_t> value);
  NfTablesRule& look_up(const std::string& set, std::uint32_t flags);
  NfTablesRule& decide(std::int32_t verdict, const std::string& chain);

  os::NetlinkWriter out_;
};

}  // namespace masq::nftables
