// SPDX-License-Identifier: Apache-2.0
// masq_packet_fuzz: random sequences of packets through the shipped programs, against the invariants of oracle.hpp.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "dice.hpp"
#include "namespaces.hpp"
#include "oracle.hpp"
#include "play.hpp"
#include "search.hpp"

namespace masq::bpf::fuzz {
namespace {

constexpr const char* usage =
    "masq_packet_fuzz [--packets N] [--seed N]         random sequences, at least N packets\n"
    "masq_packet_fuzz --setting N --steps HEX,HEX,...  one sequence: what a failure prints\n"
    "masq_packet_fuzz --planted                        a breach of each invariant must be found\n";

struct Arguments {
  std::uint64_t packets = 1'000'000;
  std::uint64_t seed = 1;
  bool planted = false;
  Game game;
};

std::optional<std::uint64_t> number(std::string_view text, int base) {
  std::uint64_t value = 0;
  const auto end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, value, base);
  if (error != std::errc() || rest != end || text.empty()) return std::nullopt;
  return value;
}

bool read_steps(std::string_view text, Game& game) {
  while (!text.empty()) {
    const auto step = number(text.substr(0, text.find(',')), 16);
    if (!step) return false;
    game.steps.push_back(*step);
    text = text.find(',') == text.npos ? "" : text.substr(text.find(',') + 1);
  }
  return true;
}

bool take(Arguments& arguments, std::string_view name, std::string_view text) {
  if (name == "--steps") return read_steps(text, arguments.game);
  const auto value = number(text, 10);
  if (!value) return false;
  if (name == "--packets") arguments.packets = *value;
  if (name == "--seed") arguments.seed = *value;
  if (name == "--setting") arguments.game.setting = static_cast<std::size_t>(*value);
  return name == "--packets" || name == "--seed" || (name == "--setting" && *value < settings());
}

std::optional<Arguments> parse(int argc, char** argv) {
  Arguments arguments;
  for (int i = 1; i < argc; ++i) {
    if (std::string_view(argv[i]) == "--planted")
      arguments.planted = true;
    else if (i + 1 == argc || !take(arguments, argv[i], argv[i + 1]))
      return std::nullopt;
    else
      ++i;
  }
  return arguments;
}

void print(const Finding& finding) {
  fmt::print("FAILED packets: {}: {}\n{}\nagain: masq_packet_fuzz {}\n", to_string(finding.breach.invariant),
             finding.breach.detail, finding.last, to_arguments(finding.game));
}

// What a long search must have reached: else it has not searched.
constexpr const char* needed[] = {"mirrored",
                                  "error mirrored",
                                  "egress translated",
                                  "ingress translated",
                                  "egress malformed",
                                  "egress fragment_held",
                                  "egress none",
                                  "egress table_full",
                                  "egress pod_limit",
                                  "egress no_free_port",
                                  "ingress quarantined",
                                  "egress icmp_error",
                                  "egress pod_cidr",
                                  "egress ip_masq_agent",
                                  "ingress inbound_connection"};
constexpr std::uint64_t long_search = 200'000;

bool search(const Arguments& arguments) {
  Dice dice(arguments.seed);
  Tally tally;
  while (tally.packets < arguments.packets) {
    const auto finding = play(random_game(dice), std::nullopt, tally);
    if (!finding) continue;
    print(shrunk(*finding, std::nullopt));
    fmt::print("seed {}\n", arguments.seed);
    return false;
  }
  fmt::print("seed {}: {} packets, longest run {} us\n", arguments.seed, tally.packets, tally.longest.count() / 1000);
  for (const auto& [outcome, count] : tally.outcomes) fmt::print("  {:10} {}\n", count, outcome);
  bool reached = true;
  for (const auto* outcome : needed)
    if (arguments.packets >= long_search && !tally.outcomes.contains(outcome)) {
      fmt::print("FAILED packets: not reached: {}\n", outcome);
      reached = false;
    }
  return reached;
}

// Each breach is found, as a breach of its invariant, and can be played again.
bool find_planted(const Arguments& arguments) {
  bool all = true;
  for (int i = 0; i <= static_cast<int>(Invariant::table_is_in_order); ++i) {
    const auto invariant = static_cast<Invariant>(i);
    Dice dice(arguments.seed);
    Tally tally;
    std::optional<Finding> finding;
    for (int game = 0; game < 8 && !finding; ++game) finding = play(random_game(dice), invariant, tally);
    const bool found = finding && finding->breach.invariant == invariant;
    if (found) finding = shrunk(*finding, invariant);
    fmt::print("{}planted: {}: {}\n", found ? "" : "FAILED packets: ", to_string(invariant),
               finding ? fmt::format("found as: {}, in {} steps", to_string(finding->breach.invariant),
                                     finding->game.steps.size())
                       : "not found");
    all = all && found;
  }
  return all;
}

bool replay(const Arguments& arguments) {
  Tally tally;
  tally.listen = [](const std::string& packet) { fmt::print("{}\n", packet); };
  const auto finding = play(arguments.game, std::nullopt, tally);
  if (finding)
    print(*finding);
  else
    fmt::print("{} packets, no breach\n", tally.packets);
  return !finding;
}

}  // namespace
}  // namespace masq::bpf::fuzz

int main(int argc, char** argv) {
  using namespace masq::bpf;
  const auto arguments = fuzz::parse(argc, argv);
  if (!arguments) {
    std::fputs(fuzz::usage, stderr);
    return 2;
  }
  if (!test::enter_own_namespaces()) {
    std::fputs("masq_packet_fuzz needs root (CAP_BPF, CAP_NET_ADMIN, CAP_SYS_ADMIN)\n", stderr);
    return 1;
  }
  try {
    if (arguments->planted) return fuzz::find_planted(*arguments) ? 0 : 1;
    if (!arguments->game.steps.empty()) return fuzz::replay(*arguments) ? 0 : 1;
    return fuzz::search(*arguments) ? 0 : 1;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "masq_packet_fuzz: %s\n", error.what());
    return 1;
  }
}
