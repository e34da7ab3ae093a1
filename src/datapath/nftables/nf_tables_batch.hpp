// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/address.hpp"
#include "base/address_range.hpp"
#include "datapath/nftables/nf_tables_rule.hpp"
#include "os/netlink_writer.hpp"

namespace masq::nftables {

// The netlink messages of one transaction on one table of the family inet, in their order. The first message begins the
// transaction. Without the message of commit() at its end, the kernel checks the others and changes nothing. The kernel
// acknowledges rules and elements, and reports each error.
class NfTablesBatch {
 public:
  explicit NfTablesBatch(std::string table);

  // Creates the table if there is none. `flags`: NFT_TABLE_F_*; none: an existing table keeps its own.
  void add_table(std::uint32_t flags = 0);
  void delete_table();
  void add_address_set(const std::string& name, Family family);
  void add_device_set(const std::string& name);
  // Elements of a set: ranges that neither overlap nor touch, and names of devices.
  void add_elements(const std::string& set, const std::vector<AddressRange>& ranges);
  void add_elements(const std::string& set, const std::vector<std::string>& devices);
  void delete_elements(const std::string& set, const std::vector<AddressRange>& ranges);
  void delete_elements(const std::string& set, const std::vector<std::string>& devices);
  void add_chain(const std::string& name);
  // `type`: "filter"; `hook`: NF_INET_*.
  void add_base_chain(const std::string& name, const char* type, std::uint32_t hook, std::int32_t priority);
  void add_rule(const std::string& chain, const NfTablesRule& rule, const std::string& comment);
  void commit();

  bool is_empty() const { return sequence_ == 1; }  // before commit()
  const std::vector<std::uint8_t>& messages() const { return out_.written(); }

 private:
  struct SetKey {
    std::uint32_t type;        // a number of nft, for its listing
    std::uint32_t byte_order;  // the same
    std::uint32_t length;
    std::uint32_t flags;  // NFT_SET_*
  };
  struct Element {
    std::vector<std::uint8_t> key;
    bool ends_interval = false;
  };

  void put(int type, int flags, const std::function<void()>& write);
  void put_limit(int type);
  void add_set(const std::string& name, const SetKey& key);
  void put_elements(int type, int flags, const std::string& set, std::span<const Element> elements);
  static std::vector<Element> elements_of(const std::vector<AddressRange>& ranges);
  static std::vector<Element> elements_of(const std::vector<std::string>& devices);

  std::string table_;
  os::NetlinkWriter out_;
  std::uint32_t sequence_ = 0;
  std::uint32_t sets_ = 0;
};

}  // namespace masq::nftables
