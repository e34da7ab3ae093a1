// SPDX-License-Identifier: Apache-2.0
#include "play.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <optional>
#include <utility>
#include <vector>

#include "base/address.hpp"
#include "bpf/abi/mapping.h"
#include "dice.hpp"
#include "engine.hpp"
#include "oracle.hpp"
#include "packet.hpp"
#include "plant.hpp"
#include "table.hpp"
#include "wire.hpp"

namespace masq::bpf::fuzz {
namespace {

constexpr std::size_t remembered = 256;                             // packets of each kind
constexpr auto longest_run = std::chrono::milliseconds(2);          // usual: 1 us; a search for a port: 50 us
constexpr auto fragments_expire = std::chrono::milliseconds(1500);  // HELD_TICKS: 2 s of real time

Desired desired_of(std::size_t setting) {
  auto wanted = test::desired();
  switch (setting) {
    case 1:
      wanted.max_mappings = wanted.max_mappings_per_pod = 64;
      break;
    case 2:
      return test::with_ports({{.low = 40000, .high = 40007}}, 4096);
    case 3:
      wanted.max_mappings_per_pod = 16;
      wanted.kernel.random_fully = true;
      break;
    default:
      break;
  }
  return wanted;
}

template <class T>
void remember(std::vector<T>& list, T item, Dice& dice) {
  if (list.size() < remembered)
    list.push_back(std::move(item));
  else
    list[dice.below(remembered)] = std::move(item);
}

Bytes ip_of(const Bytes& frame) {
  return Bytes(frame.begin() + ethernet_header, frame.end());
}

std::uint8_t error_type(Family family, Dice& dice) {
  constexpr std::array<std::uint8_t, 4> types4{3, 3, 11, 12};
  return family == Family::ipv4 ? dice.pick(types4) : static_cast<std::uint8_t>(1 + dice.below(4));
}

// Even: half a checksum cannot be translated.
std::size_t length_of_quote(const Bytes& frame, Dice& dice) {
  const auto c = read(frame);
  const auto least = c.transport - ethernet_header + 8, whole = c.end - ethernet_header;
  if (whole <= least || dice.one_in(2)) return whole;
  return (least + dice.below(whole - least)) / 2 * 2;
}

// RFC 791: a recorded route with one address.
Bytes record_route(const Address& address) {
  Bytes option{7, 7, 8};
  option.insert(option.end(), address.bytes().begin(), address.bytes().end());
  option.push_back(0);
  return option;
}

}  // namespace

std::size_t settings() {
  return 4;
}

Play::Play(std::size_t setting, std::optional<Invariant> planted, Tally& tally)
    : planted_(planted), tally_(tally), engine_(desired_of(setting)) {}

std::optional<Breach> Play::step(std::uint64_t number) {
  Dice dice(number);
  auto& side = sides_[dice.below(2)];
  const auto roll = dice.below(200);
  if (roll < 80) return pod_sends(side, dice);
  if (roll < 110) return remote_replies(side, dice);
  if (roll < 130) return remote_begins(side, dice);
  if (roll < 142) return remote_reports(side, dice);
  if (roll < 154) return node_reports(side, dice);
  if (roll < 190) return mangled(side, dice);
  if (roll < 198 || !dice.one_in(4)) return host_sends(side, dice);
  return dice.one_in(2) ? time_passes(side, dice) : agent_orders(side, dice);
}

// The order holds for mappings alone: what has ended, and datagrams in fragments, are swept first.
std::optional<Breach> Play::finish() {
  constexpr std::uint32_t longer_than_datagrams = 61;
  for (auto& side : sides_) engine_.pass_time(side.oracle.people().family, longer_than_datagrams);
  if (planted_ == Invariant::table_is_in_order) plant_in_table(engine_);
  for (const Family family : {Family::ipv4, Family::ipv6})
    if (auto found = test::disorder(engine_, family); !found.empty())
      return Breach{.invariant = Invariant::table_is_in_order, .detail = std::move(found)};
  return std::nullopt;
}

Play::Check Play::send(Side& side, const Sent& sent, Dice& dice, test::Outcome* outcome) {
  const auto family = side.oracle.people().family;
  const auto show = [&](const test::Outcome& now) {
    last_ = fmt::format("{}, verdict {}, {}\nbefore:{}\nafter:{}", sent.egress ? "egress" : "ingress", now.verdict,
                        now.reason, test::hex(sent.frame), test::hex(now.bytes));
  };
  test::Outcome now;
  try {
    now = sent.egress ? engine_.egress_bytes(sent.frame, family, sent.context)
                      : engine_.ingress_bytes(sent.frame, family, sent.context);
  } catch (const std::exception& error) {
    if (!read(sent.frame).has_addresses) return std::nullopt;  // EINVAL: BPF_PROG_TEST_RUN takes no such frame
    show(now);                                                 // EBADMSG: the checksum beside the packet
    return Breach{.invariant = Invariant::checksums_stay_right, .detail = error.what()};
  }
  if (planted_) plant(*planted_, sent, now, side.oracle.people());
  ++tally_.packets;
  ++tally_.outcomes[fmt::format("{} {}", sent.egress ? "egress" : "ingress", now.reason)];
  tally_.longest = std::max(tally_.longest, now.duration);
  remember(side.recent, sent, dice);
  const bool may_expire = std::chrono::steady_clock::now() - begun_ > fragments_expire;
  auto found = side.oracle.judge(sent, now, may_expire);
  if (!found && now.duration > longest_run)
    found = Breach{.invariant = Invariant::runs_are_bounded, .detail = fmt::format("{} ns", now.duration.count())};
  if (found || tally_.listen) show(now);
  if (tally_.listen) tally_.listen(last_);
  const auto in = read(sent.frame);
  if (now.verdict == test::pass && now.bytes != sent.frame && in.part == Part::whole && !in.is_error())
    remember(sent.egress ? side.left : side.delivered, {sent.frame, now.bytes}, dice);
  if (outcome) *outcome = std::move(now);
  return found;
}

Play::Check Play::pod_sends(Side& side, Dice& dice) {
  const auto& people = side.oracle.people();
  const auto& to = dice.one_in(6) ? dice.pick(people.spared) : dice.pick(people.world);
  Sent sent{.frame = people.frame(dice.pick(people.pods), to, true, dice)};
  // Not of fragments: when the packet becomes a queued one, the kernel gives the checksum beside it up.
  sent.context.checksum_complete = read(sent.frame).part == Part::whole && dice.one_in(3);
  sent.context.arrived_by = dice.one_in(64) ? 1 : 0;
  test::Outcome outcome;
  if (auto found = send(side, sent, dice, &outcome)) return found;
  const bool is_translated = outcome.verdict == test::pass && outcome.bytes != sent.frame;
  if (!is_translated || read(sent.frame).part != Part::whole || !dice.one_in(2)) return std::nullopt;
  return expect_reply(side, {sent.frame, outcome.bytes}, dice);
}

Play::Check Play::expect_reply(Side& side, const Passage& out, Dice& dice) {
  const Sent back{.egress = false, .frame = mirror(out.after), .context = {.checksum_complete = dice.one_in(3)}};
  test::Outcome outcome;
  if (auto found = send(side, back, dice, &outcome)) return found;
  if (outcome.verdict != test::pass || with_one_zero(outcome.bytes) != with_one_zero(mirror(out.before))) {
    last_ = fmt::format("verdict {}, {}\npod:{}\nwire:{}\nreply:{}\ndelivered:{}", outcome.verdict, outcome.reason,
                        test::hex(out.before), test::hex(out.after), test::hex(back.frame), test::hex(outcome.bytes));
    return Breach{.invariant = Invariant::reply_mirrors_the_packet, .detail = "a reply"};
  }
  ++tally_.outcomes["mirrored"];
  if (dice.one_in(3)) return expect_error(side, out, true, dice);
  if (dice.one_in(2)) return expect_error(side, {outcome.bytes, back.frame}, false, dice);
  return std::nullopt;
}

// `inbound`: a router outside reports a packet that left. Otherwise the pod or the node reports a packet that was
// delivered. `about.before` is the packet as the pod knows it.
Play::Check Play::expect_error(Side& side, const Passage& about, bool inbound, Dice& dice) {
  const auto& people = side.oracle.people();
  const auto type = error_type(people.family, dice);
  const auto size = length_of_quote(about.before, dice);
  const auto seen_by_pod = test::cut(ip_of(about.before), size), on_wire = test::cut(ip_of(about.after), size);
  const auto& external = people.cast.external;
  const auto pod = inbound ? read(about.before).source : read(about.before).destination;
  const auto remote = inbound ? dice.pick(people.world) : read(about.before).source;
  const bool from_node = dice.one_in(2);
  Sent sent{.egress = !inbound};
  Bytes expected;
  if (inbound) {
    sent.frame = test::icmp_error(remote, external, type, on_wire).frame();
    expected = test::icmp_error(remote, pod, type, seen_by_pod).frame();
  } else {
    sent.frame = test::icmp_error(from_node ? external : pod, remote, type, seen_by_pod).frame();
    expected = test::icmp_error(external, remote, type, on_wire).frame();
  }
  test::Outcome outcome;
  if (auto found = send(side, sent, dice, &outcome)) return found;
  if (outcome.verdict != test::pass || with_one_zero(outcome.bytes) != with_one_zero(expected)) {
    last_ = fmt::format("verdict {}, {}\nerror:{}\ntranslated:{}\nexpected:{}", outcome.verdict, outcome.reason,
                        test::hex(sent.frame), test::hex(outcome.bytes), test::hex(expected));
    return Breach{.invariant = Invariant::reply_mirrors_the_packet, .detail = "an ICMP error"};
  }
  ++tally_.outcomes["error mirrored"];
  return std::nullopt;
}

Play::Check Play::remote_replies(Side& side, Dice& dice) {
  if (side.left.empty()) return std::nullopt;
  constexpr std::array<std::uint8_t, 6> flags{0x12, 0x10, 0x11, 0x04, 0x14, 0x02};
  Sent sent{.egress = false, .frame = mirror(dice.pick(side.left).after)};
  const auto c = read(sent.frame);
  if (c.protocol == 6 && dice.one_in(2)) {
    sent.frame[c.transport + 13] = dice.pick(flags);
    fix_checksums(sent.frame);
  }
  return send(side, sent, dice);
}

// To the external address, or to the own address of one of the first pods, which may answer.
Play::Check Play::remote_begins(Side& side, Dice& dice) {
  const auto& people = side.oracle.people();
  const bool direct = dice.one_in(4);
  const auto& to = direct ? people.pods[dice.below(3)] : people.cast.external;
  const auto& from = dice.one_in(8) ? dice.pick(people.spared) : dice.pick(people.world);
  Sent sent{.egress = false, .frame = people.frame(from, to, false, dice)};
  if (auto found = send(side, sent, dice)) return found;
  if (!direct || read(sent.frame).part != Part::whole || !dice.one_in(2)) return std::nullopt;
  return send(side, {.frame = mirror(sent.frame)}, dice);
}

Play::Check Play::remote_reports(Side& side, Dice& dice) {
  if (side.left.empty()) return std::nullopt;
  const auto& people = side.oracle.people();
  auto quote = ip_of(dice.pick(side.left).after);
  quote = test::cut(quote, dice.one_in(2) ? quote.size() : dice.below(quote.size() + 1));
  const auto type = dice.one_in(8) ? std::uint8_t{5} : error_type(people.family, dice);
  Sent sent{.egress = false,
            .frame = test::icmp_error(dice.pick(people.world), people.cast.external, type, quote).frame()};
  if (dice.one_in(2)) mangle(sent.frame, dice);
  return send(side, sent, dice);
}

Play::Check Play::node_reports(Side& side, Dice& dice) {
  if (side.delivered.empty()) return std::nullopt;
  const auto& people = side.oracle.people();
  const auto& about = dice.pick(side.delivered).after;
  const auto c = read(about);
  auto quote = ip_of(about);
  quote = test::cut(quote, dice.one_in(2) ? quote.size() : dice.below(quote.size() + 1));
  const auto& from = dice.one_in(2) ? people.cast.external : c.destination;
  const auto& to = dice.one_in(8) ? dice.pick(people.world) : c.source;
  auto error = test::icmp_error(from, to, error_type(people.family, dice), quote);
  if (people.family == Family::ipv4 && dice.one_in(4)) error.ip_options = record_route(c.destination);
  Sent sent{.frame = error.frame()};
  if (dice.one_in(2)) mangle(sent.frame, dice);
  return send(side, sent, dice);
}

Play::Check Play::mangled(Side& side, Dice& dice) {
  if (side.recent.empty()) return std::nullopt;
  auto sent = dice.pick(side.recent);
  sent.context = {};
  if (dice.one_in(16)) sent.egress = !sent.egress;
  mangle(sent.frame, dice);
  return send(side, sent, dice);
}

// The node's own packets are not masqueraded, and may take the port of a mapping.
Play::Check Play::host_sends(Side& side, Dice& dice) {
  const auto& people = side.oracle.people();
  return send(side, {.frame = people.frame(people.cast.external, dice.pick(people.world), true, dice)}, dice);
}

Play::Check Play::time_passes(Side& side, Dice& dice) {
  constexpr std::array<std::uint32_t, 5> seconds{1, 6, 61, 301, 10000};
  constexpr std::uint32_t longer_than_any_timeout = 10000;
  const auto passed = dice.pick(seconds);
  engine_.pass_time(side.oracle.people().family, passed);
  if (passed == longer_than_any_timeout) side.oracle.forget();
  return std::nullopt;
}

Play::Check Play::agent_orders(Side& side, Dice& dice) {
  engine_.give_order(side.oracle.people().family, static_cast<masq_order>(dice.below(MASQ_ORDER_HOLD + 1)));
  return std::nullopt;
}

}  // namespace masq::bpf::fuzz
