// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace masq::nftables {

// A rule is identified by its comment, which ends in a digest of its text. The kernel prints rules in other words, so
// texts cannot be compared. A rule can only be replaced, together with its comment.
struct NftRule {
  std::string text;     // "ip daddr @pods4 return"; empty if it was read from the kernel
  std::string comment;  // "the pod CIDRs [1a2b3c4d]"
  bool operator==(const NftRule& other) const { return comment == other.comment; }
};

NftRule make_rule(std::string text, const std::string& meaning);

struct NftChain {
  struct Hook {
    std::string type;  // "nat", "filter"
    std::string hook;  // "postrouting", "input"
    int priority = 0;
    bool operator==(const Hook&) const = default;
  };
  std::string name;
  std::optional<Hook> hook;  // absent: a chain that other chains call
  std::vector<NftRule> rules;
  bool operator==(const NftChain&) const = default;
};

struct NftSet {
  std::string name;
  std::string type;  // "ipv4_addr", "ipv4_addr . mark", "ifname"
  bool interval = false;
  std::vector<std::string> elements;  // sorted; in the format of nft without the quotes of names
  bool operator==(const NftSet&) const = default;
};

// A table of the family inet, as far as masq uses it. The values of counters are not part of the desired state.
struct NftTable {
  std::string name;
  std::vector<std::string> counters;
  std::vector<NftSet> sets;
  std::vector<NftChain> chains;
  bool operator==(const NftTable&) const = default;
};

// Sorts by name, so that two tables can be compared.
void sort_parts(NftTable& table);

// Returns the input of `nft -f` that creates the whole table, which must not exist.
std::string render_table(const NftTable& table);

struct NftChange {
  std::string text;                // commands of one transaction; empty: no change
  std::vector<std::string> steps;  // readable description
};

// Returns the change from `actual` (absent: there is no such table) to `wanted`. Elements are added and removed one by
// one; rules are replaced per chain; a table with another structure is replaced as a whole.
NftChange change_table(const std::optional<NftTable>& actual, const NftTable& wanted);

}  // namespace masq::nftables
