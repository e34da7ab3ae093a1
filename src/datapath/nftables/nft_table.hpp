// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace masq {

// A rule is known by its comment, which ends in a digest of its text: the kernel prints a rule in other words than it
// was given, so texts cannot be compared (and nobody can change a rule but by replacing it, comment and all).
struct NftRule {
  std::string text;     // "ip daddr @pods4 return"; empty when it was read from the kernel
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
  std::optional<Hook> hook;  // absent: it is called by others
  std::vector<NftRule> rules;
  bool operator==(const NftChain&) const = default;
};

struct NftSet {
  std::string name;
  std::string type;  // "ipv4_addr", "ipv4_addr . mark", "ifname"
  bool interval = false;
  std::vector<std::string> elements;  // sorted; as nft writes them but for the quotes of names
  bool operator==(const NftSet&) const = default;
};

// A table of the family inet: all of it that matters. Counters have values that are nobody's wish.
struct NftTable {
  std::string name;
  bool owned = false;  // the kernel lets nobody else change or flush it, and removes it when its owner ends
  std::vector<std::string> counters;
  std::vector<NftSet> sets;
  std::vector<NftChain> chains;
  bool operator==(const NftTable&) const = default;
};

// By name, so that two tables can be compared.
void sort_parts(NftTable& table);

// What `nft -f` takes to make the whole table, which must not exist.
std::string render_table(const NftTable& table);

struct NftChange {
  std::string text;                // commands of one transaction; empty: nothing is to be done
  std::vector<std::string> steps;  // what it does, in words
};

// The way from `actual` (absent: there is no such table) to `wanted`. Elements are added and removed one by one, rules
// replaced by the chain; a table whose frame is another is replaced as a whole.
NftChange change_table(const std::optional<NftTable>& actual, const NftTable& wanted);

}  // namespace masq
