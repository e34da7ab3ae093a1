// SPDX-License-Identifier: Apache-2.0
#include "datapath/netfilter/nat_rules.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <map>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <variant>
#include <vector>

#include "base/address.hpp"
#include "base/address_range.hpp"
#include "base/cidr.hpp"
#include "model/desired.hpp"

namespace masq::netfilter {
namespace {

constexpr std::size_t max_depth = 64;         // the kernel allows 16 jumps
constexpr std::size_t max_work = 20'000'000;  // comparisons; some tenths of a second
constexpr std::size_t work_of_rule = 16;      // to follow one, besides its sources
constexpr std::size_t work_of_copy = 8;       // of a source: it bounds the memory too

// The share of a set of packets.
enum class Share : std::uint8_t { none, some, all };

Share negate(Share share, bool negated) {
  if (!negated || share == Share::some) return share;
  return share == Share::none ? Share::all : Share::none;
}

bool overlaps(const AddressRange& a, const AddressRange& b) {
  return a.first.family() == b.first.family() && a.first <= b.last && b.first <= a.last;
}

bool is_inside(const AddressRange& inner, const AddressRange& outer) {
  return inner.first.family() == outer.first.family() && outer.first <= inner.first && inner.last <= outer.last;
}

bool matches_device(std::string_view device, std::string_view pattern) {
  if (pattern.ends_with('*')) return device.starts_with(pattern.substr(0, pattern.size() - 1));
  return device == pattern;
}

// Follows the packets of the sources from chain to chain, as the kernel does.
class RuleWalk {
 public:
  RuleWalk(const NatChains& chains, const MasqueradedTraffic& traffic, Family family)
      : chains_(chains), devices_(traffic.devices), family_(family) {
    for (const auto& source : of_family(traffic.sources, family)) sources_.push_back(AddressRange::of(source));
  }

  MasqueradingRules run(const std::string& base) {
    Sources all(sources_.size());
    for (std::size_t i = 0; i < all.size(); ++i) all[i] = i;
    follow(base, all, 0);
    return std::move(found_);
  }

 private:
  using Sources = std::vector<std::size_t>;  // indices into sources_, ascending

  struct Match {
    Sources possible;  // some of their packets match
    Sources certain;   // all of their packets match
  };

  static Sources without(const Sources& all, const Sources& removed) {
    Sources rest;
    std::ranges::set_difference(all, removed, std::back_inserter(rest));
    return rest;
  }

  bool can_afford(std::size_t work) {
    work_ += work;
    if (work_ > max_work) found_.is_complete = false;
    return found_.is_complete;
  }

  // Returns the sources of which the chain, or a chain that it jumps to, ends every packet. Several rules may jump to
  // one chain, and chains may form a loop: each chain is walked once for the same sources.
  Sources follow(const std::string& name, const Sources& sources, std::size_t depth) {
    const auto chain = chains_.find(name);
    if (chain == chains_.end() || name.starts_with("MASQ-") || depth == max_depth) return {};
    if (!can_afford(work_of_copy * sources.size())) return {};
    const auto [walked, is_new] = walked_.try_emplace({name, sources, mark_is_known_});
    if (is_new) walked->second = walk(chain->second, sources, depth);
    return walked->second;
  }

  Sources walk(const std::vector<NatRule>& rules, Sources sources, std::size_t depth) {
    Sources ended;
    for (const auto& rule : rules) {
      if (sources.empty() || !can_afford(work_of_rule + sources.size())) break;
      const auto match = match_rule(rule, sources);
      if (match.possible.empty()) continue;
      if (rule.sets_mark) mark_is_known_ = false;
      auto [ending, leaving] = apply(rule, match, depth);
      Sources merged;
      std::ranges::set_union(ended, ending, std::back_inserter(merged));
      ended = std::move(merged);
      sources = without(sources, leaving);
    }
    return ended;
  }

  // Returns the sources that end, and those that leave this chain.
  std::pair<Sources, Sources> apply(const NatRule& rule, const Match& match, std::size_t depth) {
    using enum NatRule::Verdict;
    switch (rule.verdict) {
      case none:
        return {};
      case masquerades:
        record(rule);
        return {match.certain, match.certain};
      case ends:
        return {match.certain, match.certain};
      case returns:
        return {Sources(), match.certain};
      case jumps:
      case goes: {
        Sources ended;
        std::ranges::set_intersection(follow(rule.target, match.possible, depth + 1), match.certain,
                                      std::back_inserter(ended));
        return {ended, rule.verdict == goes ? match.certain : ended};
      }
    }
    std::unreachable();
  }

  void record(const NatRule& rule) {
    if (std::ranges::find(found_.rules, rule.text, &NatRule::text) == found_.rules.end()) found_.rules.push_back(rule);
  }

  Match match_rule(const NatRule& rule, const Sources& sources) {
    Match match{.possible = sources, .certain = sources};
    for (const auto& condition : rule.conditions) {
      if (match.possible.empty()) break;
      if (const auto* const from = std::get_if<FromSources>(&condition)) {
        narrow(match, *from);
        continue;
      }
      const auto share = std::visit([this](const auto& one) { return share_of(one); }, condition);
      if (share == Share::none) match.possible.clear();
      if (share != Share::all) match.certain.clear();
    }
    return match;
  }

  void narrow(Match& match, const FromSources& from) {
    if (!can_afford(match.possible.size() * std::max<std::size_t>(from.any_of.size(), 1))) return;
    const auto share = [&](std::size_t source) {
      Share best = Share::none;
      for (const auto& range : from.any_of)
        if (overlaps(sources_[source], range))
          best = std::max(best, is_inside(sources_[source], range) ? Share::all : Share::some);
      return negate(best, from.negated);
    };
    std::erase_if(match.certain, [&](std::size_t source) { return share(source) != Share::all; });
    std::erase_if(match.possible, [&](std::size_t source) { return share(source) == Share::none; });
  }

  // Packets to the sources themselves are not masqueraded.
  Share share_of(const ToDestinations& to) {
    const bool has_others = std::ranges::any_of(to.any_of, [this](const AddressRange& range) {
      return can_afford(sources_.size()) && range.first.family() == family_ &&
             std::ranges::none_of(sources_, [&](const AddressRange& source) { return is_inside(range, source); });
    });
    if (!has_others) return negate(Share::none, to.negated);
    const auto everything = AddressRange::of(Cidr(family_ == Family::ipv4 ? Address() : v6_zero(), 0));
    const bool is_all = std::ranges::any_of(to.any_of, [&](const auto& range) { return is_inside(everything, range); });
    return negate(is_all ? Share::all : Share::some, to.negated);
  }
  Share share_of(const ByDevices& by) const {
    const auto count = std::ranges::count_if(devices_, [&](const std::string& device) {
      return std::ranges::any_of(by.any_of, [&](const auto& pattern) { return matches_device(device, pattern); });
    });
    if (count == 0) return negate(Share::none, by.negated);
    return negate(static_cast<std::size_t>(count) == devices_.size() ? Share::all : Share::some, by.negated);
  }
  Share share_of(const WithMark& mark) const {
    if (!mark_is_known_) return Share::some;
    return negate(mark.value == 0 ? Share::all : Share::none, mark.negated);
  }
  Share share_of(const OfFamily& of) const {
    return negate(of.family == family_ ? Share::all : Share::none, of.negated);
  }
  static Share share_of(const Never&) { return Share::none; }
  static Share share_of(const Unknown&) { return Share::some; }
  static Share share_of(const FromSources&) { return Share::some; }

  static Address v6_zero() { return Address::from_bytes(std::vector<std::uint8_t>(16)); }

  const NatChains& chains_;
  const std::vector<std::string>& devices_;
  Family family_;
  std::vector<AddressRange> sources_;
  bool mark_is_known_ = true;  // it is 0: no rule that sets it may have matched before
  std::map<std::tuple<std::string, Sources, bool>, Sources> walked_;  // chain, packets, mark_is_known_: which ended
  std::size_t work_ = 0;
  MasqueradingRules found_;
};

}  // namespace

MasqueradedTraffic masqueraded_traffic(const Desired& desired) {
  MasqueradedTraffic traffic;
  for (const auto* const family : {&desired.ipv4, &desired.ipv6})
    if (family->enabled) std::ranges::copy(family->sources, std::back_inserter(traffic.sources));
  for (const auto& uplink : desired.uplinks) traffic.devices.push_back(uplink.name);
  return traffic;
}

MasqueradingRules masquerading_rules(const NatChains& chains, const std::string& base,
                                     const MasqueradedTraffic& traffic, Family family) {
  if (traffic.devices.empty()) return {};
  return RuleWalk(chains, traffic, family).run(base);
}

}  // namespace masq::netfilter
