// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "bpf/abi/policy.h"
#include "datapath/bpf/options.hpp"
#include "datapath/bpf/program.hpp"
#include "model/desired.hpp"
#include "os/fd.hpp"

namespace masq::bpf {

// The trie of one family's rules in the kernel. No packet meets a policy that is neither the old nor the new one.
template <class Abi>
class PolicyRules {
 public:
  using Rules = std::vector<std::pair<typename Abi::PolicyKey, masq_policy>>;

  // Fills a new trie and replaces the old one atomically.
  Result<void> replace(const Program& program, const Desired& desired);
  // Writes the difference to the last replace() or change() into the trie, if it is small; else as replace().
  Result<void> change(const Program& program, const Desired& desired);

  // The update of a rule, or its removal.
  struct Write {
    typename Abi::PolicyKey key;
    std::optional<masq_policy> value;  // absent: the rule is removed
  };
  // The steps from one policy to another. A packet gets the decision of the longest rule that contains its destination;
  // after each step that is its decision in the one policy or in the other.
  static std::vector<Write> writes(const Rules& from, const Rules& to);

  // In a cluster of thousands of nodes, one that joins or leaves changes few rules.
  static constexpr std::size_t max_small_change = 64;

 private:
  Result<void> write(const std::vector<Write>& writes);

  os::Fd trie_;
  Rules rules_;           // in the trie, in the order of Desired
  std::size_t room_ = 0;  // the most rules of the trie
};

}  // namespace masq::bpf
