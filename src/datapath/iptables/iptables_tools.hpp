// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "base/result.hpp"
#include "datapath/iptables/iptables_rules.hpp"

namespace masq {

// iptables has two variants with separate rules, "legacy" and "nft". masq uses the variant that has rules.
struct IptablesVariant {
  std::string name;     // "nft", "legacy", or empty: the only variant
  std::string warning;  // set if both variants have rules: packets pass both
};

class IptablesTools {
 public:
  // Searches for the programs and for existing rules.
  static Result<IptablesTools> find();

  const IptablesVariant& variant() const { return variant_; }
  bool has_random_fully() const { return has_random_fully_; }  // since 1.6.2
  Result<std::string> save(Family family, bool with_counters = false) const;
  // Waits for the lock for a second; changes nothing without it.
  Result<void> restore(Family family, const std::string& text) const;
  // Returns the result of restore() without a change.
  Result<void> check(Family family, const std::string& text) const;
  static Result<std::vector<IpSet>> sets();
  static Result<void> restore_sets(const std::string& text);

 private:
  std::string program(Family family, const char* what) const;

  IptablesVariant variant_;
  bool has_random_fully_ = false;
};

}  // namespace masq
