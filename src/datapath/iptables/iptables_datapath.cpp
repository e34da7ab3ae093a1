// SPDX-License-Identifier: Apache-2.0
#include "datapath/iptables/iptables_datapath.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/address.hpp"
#include "base/result.hpp"
#include "datapath/datapath.hpp"
#include "datapath/iptables/iptables_rules.hpp"
#include "datapath/iptables/iptables_table.hpp"
#include "datapath/iptables/iptables_tools.hpp"
#include "datapath/iptables/machine.hpp"
#include "datapath/mapping_table.hpp"
#include "datapath/netfilter/connections.hpp"
#include "datapath/netfilter/conntrack_handover.hpp"
#include "datapath/netfilter/nft.hpp"
#include "model/desired.hpp"
#include "model/finding.hpp"
#include "os/event_loop.hpp"
#include "os/timers.hpp"

namespace masq::iptables {
namespace {

constexpr auto look_every = std::chrono::milliseconds(2500);  // with the time that the tools take: three seconds

// Returns the uplinks, and the standby devices that were guarded before.
std::vector<std::string> devices_to_guard(const Desired& desired, const std::vector<std::string>& before) {
  std::vector<std::string> devices;
  for (const auto& uplink : desired.uplinks) devices.push_back(uplink.name);
  for (const auto& device : desired.standby)
    if (std::ranges::binary_search(before, device.name)) devices.push_back(device.name);
  std::ranges::sort(devices);
  return devices;
}

class IptablesDatapath final : public Datapath {
 public:
  IptablesDatapath(const Machine& machine, const Tools& tools) : machine_(machine), tools_(tools), table_(tools) {}

  std::string name() const override { return "IPTables"; }
  Result<Steps> apply(const Desired& desired) override;
  Result<Steps> plan(const Desired& desired) override;
  Result<void> check(const Desired& desired) override;
  MappingTable& table() override { return table_; }
  Handover& handover() override { return handover_; }
  std::optional<std::chrono::steady_clock::time_point> read_back_at() const override { return read_back_at_; }
  std::vector<Finding> findings() override {
    auto findings = netfilter::findings_on_connection_table(netfilter::connection_table());
    if (!tools_.variant().warning.empty())
      findings.push_back({FindingKind::iptables_variant, tools_.variant().warning});
    if (lacks_random_fully_)
      findings.push_back({FindingKind::iptables_variant,
                          "random-fully: this iptables has no --random-fully; ports are chosen with --random"});
    if (lacks_rpfilter_)
      findings.push_back(
          {FindingKind::iptables_variant,
           "enable-source-ip-verification: this iptables has no match rpfilter; sources are not verified"});
    return findings;
  }
  Result<void> watch(os::EventLoop& loop, std::function<void()> disturbed) override;
  Result<Steps> remove() override;

 private:
  struct Work {
    std::string sets;
    std::string rules[2];  // IPv4, IPv6
    Steps steps;
    bool creates = false;  // no rules existed before
  };
  Result<Work> work_for(const Desired& desired);
  Result<bool> have_rules() const;

  Machine machine_;
  Tools tools_;
  IptablesTable table_;
  netfilter::ConntrackHandover handover_{[this] { return have_rules(); }};
  bool lacks_random_fully_ = false;  // and random-fully is enabled
  bool lacks_rpfilter_ = false;      // and enable-source-ip-verification is
  std::unique_ptr<os::Timer> look_;
  std::optional<std::chrono::steady_clock::time_point> read_back_at_;
};

std::size_t count(std::string_view text, std::string_view word) {
  std::size_t found = 0;
  for (auto at = text.find(word); at != std::string_view::npos; at = text.find(word, at + 1)) ++found;
  return found;
}

// Returns true if a listing of a table has only base chains, without rules and sets.
bool has_only_base_chains(const std::string& json) {
  return count(json, "{\"chain\": ") == count(json, "\"hook\": ") &&
         count(json, "\"handle\": ") == count(json, "{\"chain\": ") + 1;
}

// The nft variant creates a table at its first use, and does not remove it.
void remove_empty_tables(Family family, const MadeTables& made) {
  for (const auto& [name, is_made] : {std::pair("nat", made.nat), std::pair("mangle", made.mangle)}) {
    if (!is_made) continue;
    const auto table = fmt::format("{} {}", family == Family::ipv4 ? "ip" : "ip6", name);
    const auto listed = netfilter::Nft::list("list table " + table);
    if (!listed || !has_only_base_chains(*listed)) continue;
    // A failure does no harm, because an empty table has no effect.
    [[maybe_unused]] const auto done = netfilter::Nft::run("delete table " + table);
  }
}

constexpr Family families[] = {Family::ipv4, Family::ipv6};

Result<IptablesDatapath::Work> IptablesDatapath::work_for(const Desired& desired) {
  Work work;
  lacks_random_fully_ = desired.kernel.random_fully && !tools_.has_random_fully();
  lacks_rpfilter_ = desired.kernel.verify_source && !tools_.has_rpfilter();
  TRY(const auto sets, tools_.ipset().sets());
  for (const auto family : families) {
    for (const auto& wanted : ip_sets(desired, family)) {
      const auto* const actual = find_set(sets, wanted.name);
      if (actual != nullptr && *actual == wanted) continue;
      if (find_set(sets, wanted.name + "-new") != nullptr) work.sets += fmt::format("destroy {}-new\n", wanted.name);
      work.sets += render_ip_set(wanted, actual != nullptr);
      work.steps.push_back(fmt::format("ipset: {}: {} members", wanted.name, wanted.members.size()));
    }
    TRY(const auto saved, tools_.save(family));
    const auto actual = parse_iptables(saved);
    const auto wanted = iptables_state(desired, family, devices_to_guard(desired, guarded_devices(actual)),
                                       {.made = made_tables(saved),
                                        .has_random_fully = tools_.has_random_fully(),
                                        .has_rpfilter = tools_.has_rpfilter()});
    auto& text = work.rules[family == Family::ipv4 ? 0 : 1];
    text = change_iptables(actual, wanted);
    if (text.empty()) continue;
    work.creates |= actual.nat.empty();
    work.steps.push_back(fmt::format("iptables: IPv{}: replace the chains MASQ-*", static_cast<int>(family)));
  }
  return work;
}

// Sets come first, because rules name them.
Result<Steps> IptablesDatapath::apply(const Desired& desired) {
  const auto now = std::chrono::steady_clock::now();
  TRY(auto work, work_for(desired));
  read_back_at_ = now;
  if (!work.sets.empty()) TRY_DO(tools_.ipset().restore(work.sets));
  for (const auto family : families) {
    const auto& text = work.rules[family == Family::ipv4 ? 0 : 1];
    if (text.empty()) continue;
    TRY_DO(tools_.restore(family, text));
  }
  if (work.creates) {
    TRY(const auto mended, machine_.mend_connections(desired));
    if (mended > 0)
      work.steps.push_back(fmt::format("conntrack: end {} connections that were not masqueraded", mended));
  }
  return std::move(work.steps);
}

Result<Steps> IptablesDatapath::plan(const Desired& desired) {
  TRY(auto work, work_for(desired));
  return std::move(work.steps);
}

// The test needs the sets of the rules. Packets meet the sets only after the rules exist.
Result<void> IptablesDatapath::check(const Desired& desired) {
  TRY(const auto work, work_for(desired));
  if (!work.sets.empty())
    if (auto done = tools_.ipset().restore(work.sets); !done) return done;
  for (const auto family : families)
    if (const auto& text = work.rules[family == Family::ipv4 ? 0 : 1]; !text.empty())
      if (auto done = tools_.check(family, text); !done) return done;
  return {};
}

// Returns true for rules of both families. Rules of one family only come from an interrupted change.
Result<bool> IptablesDatapath::have_rules() const {
  for (const auto family : families) {
    TRY(const auto saved, tools_.save(family));
    if (parse_iptables(saved).nat.empty()) return false;
  }
  return true;
}

// The legacy variant reports no changes, so the rules are verified at intervals.
Result<void> IptablesDatapath::watch(os::EventLoop& loop, std::function<void()> disturbed) {
  look_ = std::make_unique<os::Timer>(loop);
  look_->start(look_every, [this, &loop, disturbed = std::move(disturbed)] {
    const auto again = watch(loop, disturbed);
    disturbed();
  });
  return {};
}

Result<Steps> IptablesDatapath::remove() {
  Steps steps;
  for (const auto family : families) {
    TRY(const auto saved, tools_.save(family));
    const auto text = change_iptables(parse_iptables(saved), {});
    if (text.empty()) continue;
    TRY_DO(tools_.restore(family, text));
    if (tools_.variant().name != "legacy") remove_empty_tables(family, made_tables(saved));
    steps.push_back(fmt::format("iptables: IPv{}: remove the chains MASQ-*", static_cast<int>(family)));
  }
  TRY(const auto sets, tools_.ipset().sets());
  std::string text;
  for (const auto& set : sets) {
    text += fmt::format("destroy {}\n", set.name);
    steps.push_back(fmt::format("ipset: remove {}", set.name));
  }
  if (!text.empty()) TRY_DO(tools_.ipset().restore(text));
  return steps;
}

// Returns the tools if this kernel can be queried for rules and sets. Otherwise it has no state of masq.
Result<Tools> working_tools(const Machine& machine = {}) {
  TRY(auto tools, Tools::find(machine));
  TRY_DO(tools.ipset().sets());
  TRY_DO(tools.save(Family::ipv4));
  return tools;
}

}  // namespace

Result<std::unique_ptr<Datapath>> make_datapath(const Machine& machine) {
  TRY(auto tools, working_tools(machine));
  return std::make_unique<IptablesDatapath>(machine, tools);
}

Result<void> probe() {
  TRY_DO(working_tools());
  return {};
}

}  // namespace masq::iptables
