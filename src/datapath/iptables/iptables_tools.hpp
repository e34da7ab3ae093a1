// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "datapath/iptables/iptables_rules.hpp"
#include "datapath/iptables/machine.hpp"
#include "model/desired.hpp"

namespace masq::iptables {

// iptables has two variants with separate rules, "legacy" and "nft". masq uses the variant that has rules.
struct Variant {
  std::string name;     // "nft", "legacy", or empty: the only variant
  std::string warning;  // set if both variants have rules: packets pass both
};

// The program ipset.
class IpSetTool {
 public:
  explicit IpSetTool(Machine machine = {}) : machine_(std::move(machine)) {}

  // Returns masq's sets.
  Result<std::vector<IpSet>> sets() const;
  // Executes the lines of `text` one by one.
  Result<void> restore(const std::string& text) const;

 private:
  Machine machine_;
};

class Tools {
 public:
  // Searches for the programs and for existing rules.
  static Result<Tools> find(const Machine& machine = {});

  const Variant& variant() const { return variant_; }
  bool has_random_fully() const { return has_random_fully_; }  // since 1.6.2
  bool has_rpfilter() const { return has_rpfilter_; }          // since 1.4.13; the kernel may lack it, too
  Result<std::string> save(Family family, bool with_counters = false) const;
  // Waits for the lock for a second; changes nothing without it.
  Result<void> restore(Family family, const std::string& text) const;
  // Returns the result of restore() without a change.
  Result<void> check(Family family, const std::string& text) const;
  const IpSetTool& ipset() const { return ipset_; }

 private:
  explicit Tools(const Machine& machine) : machine_(machine), ipset_(machine) {}
  std::string program(Family family, const char* what) const;

  Machine machine_;
  IpSetTool ipset_;
  Variant variant_;
  bool has_random_fully_ = false;
  bool has_rpfilter_ = false;
};

}  // namespace masq::iptables
