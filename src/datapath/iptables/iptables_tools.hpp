// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "base/result.hpp"
#include "datapath/iptables/iptables_rules.hpp"

namespace masq {

// iptables has two variants with rules of their own, "legacy" and "nft": where rules are already, ours belong.
struct IptablesVariant {
  std::string name;     // "nft", "legacy", or empty: the only one that there is
  std::string warning;  // both have rules: the packets meet those of both
};

class IptablesTools {
 public:
  // Looks for the programs and for the rules that are there.
  static Result<IptablesTools> find();

  const IptablesVariant& variant() const { return variant_; }
  bool has_random_fully() const { return has_random_fully_; }  // since 1.6.2
  Result<std::string> save(Family family, bool with_counters = false) const;
  // Waits for the lock for a second; changes nothing when it does not get it.
  Result<void> restore(Family family, const std::string& text) const;
  // What restore() would say, without a change.
  Result<void> check(Family family, const std::string& text) const;
  static Result<std::vector<IpSet>> sets();
  static Result<void> restore_sets(const std::string& text);

 private:
  std::string program(Family family, const char* what) const;

  IptablesVariant variant_;
  bool has_random_fully_ = false;
};

}  // namespace masq
