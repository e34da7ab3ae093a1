// SPDX-License-Identifier: Apache-2.0
#include "datapath/bpf/policy_rules.hpp"

#include <bpf/bpf.h>
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <iterator>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "bpf/abi/policy.h"
#include "datapath/bpf/options.hpp"
#include "datapath/bpf/program.hpp"
#include "datapath/bpf/raw_bytes.hpp"
#include "model/desired.hpp"
#include "os/fd.hpp"

namespace masq::bpf {
namespace {

// For later small changes, beyond the rules of now.
constexpr std::size_t spare_room = 256;

template <class Abi>
std::string trie_name() {
  return fmt::format("policy{}_rules", static_cast<int>(Abi::family));
}

template <class Write>
std::uint32_t length_of(const Write& write) {
  return write.key.prefix_length;
}

template <class Rules>
Result<void> write_all(int trie, const Rules& rules, const std::string& name) {
  std::vector<typename Rules::value_type::first_type> keys;
  std::vector<masq_policy> values;
  for (const auto& [key, value] : rules) {
    keys.push_back(key);
    values.push_back(value);
  }
  bpf_map_batch_opts batch{};
  batch.sz = sizeof batch;
  const auto count = static_cast<std::uint32_t>(keys.size());
  std::uint32_t done = count;
  if (count != 0 && bpf_map_update_batch(trie, keys.data(), values.data(), &done, &batch) != 0)
    return fail("{}: {} of {} entries written: {}", name, done, count, std::strerror(errno));
  return {};
}

}  // namespace

template <class Abi>
Result<void> PolicyRules<Abi>::replace(const Program& program, const Desired& desired) {
  const auto name = trie_name<Abi>();
  auto wanted = make_policy<Abi>(desired);
  const auto room = wanted.size() + spare_room;
  bpf_map_create_opts options{};
  options.sz = sizeof options;
  options.map_flags = BPF_F_NO_PREALLOC;
  os::Fd trie(bpf_map_create(BPF_MAP_TYPE_LPM_TRIE, name.c_str(), sizeof(typename Abi::PolicyKey), sizeof(masq_policy),
                             static_cast<std::uint32_t>(room), &options));
  if (!trie) return fail("{}: a trie of {} rules: {}", name, room, std::strerror(errno));
  TRY_DO(write_all(trie.get(), wanted, name));
  const std::uint32_t zero = 0;
  const int fd = trie.get();
  if (bpf_map_update_elem(program.map(fmt::format("policy{}", static_cast<int>(Abi::family))), &zero, &fd, BPF_ANY) !=
      0)
    return fail("{}: replace the rules: {}", name, std::strerror(errno));
  trie_ = std::move(trie);
  rules_ = std::move(wanted);
  room_ = room;
  return {};
}

// Among the added rules the longest come first, and among the removed ones the shortest. Changed values come between:
// earlier, a destination would get the new value of a rule that a longer new one is about to replace.
template <class Abi>
auto PolicyRules<Abi>::writes(const Rules& from, const Rules& to) -> std::vector<Write> {
  std::map<std::string, const typename Rules::value_type*> old;
  for (const auto& rule : from) old.emplace(bytes_of(rule.first), &rule);
  std::vector<Write> added, changed, removed;
  for (const auto& [key, value] : to) {
    const auto known = old.extract(bytes_of(key));
    if (!known)
      added.push_back({key, value});
    else if (std::memcmp(&known.mapped()->second, &value, sizeof value) != 0)
      changed.push_back({key, value});
  }
  for (const auto& [bytes, rule] : old) removed.push_back({rule->first, std::nullopt});
  std::ranges::sort(added, std::ranges::greater(), length_of<Write>);
  std::ranges::sort(removed, std::ranges::less(), length_of<Write>);
  std::ranges::copy(changed, std::back_inserter(added));
  std::ranges::copy(removed, std::back_inserter(added));
  return added;
}

template <class Abi>
Result<void> PolicyRules<Abi>::change(const Program& program, const Desired& desired) {
  auto wanted = make_policy<Abi>(desired);
  const auto steps = writes(rules_, wanted);
  const bool has_room = std::max(rules_.size(), wanted.size()) + max_small_change <= room_;
  if (!trie_ || steps.size() > max_small_change || !has_room) return replace(program, desired);
  TRY_DO(write(steps));
  rules_ = std::move(wanted);
  return {};
}

// After an error the content of the trie is unknown: the next change replaces it.
template <class Abi>
Result<void> PolicyRules<Abi>::write(const std::vector<Write>& writes) {
  auto trie = std::exchange(trie_, os::Fd());
  for (const auto& [key, value] : writes) {
    const bool done = value ? bpf_map_update_elem(trie.get(), &key, &*value, BPF_ANY) == 0
                            : bpf_map_delete_elem(trie.get(), &key) == 0 || errno == ENOENT;
    if (!done) return fail("{}: {}", trie_name<Abi>(), std::strerror(errno));
  }
  trie_ = std::move(trie);
  return {};
}

template class PolicyRules<Abi4>;
template class PolicyRules<Abi6>;

}  // namespace masq::bpf
