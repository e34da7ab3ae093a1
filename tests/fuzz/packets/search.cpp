// SPDX-License-Identifier: Apache-2.0
#include "search.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string>
#include <utility>

#include "dice.hpp"
#include "oracle.hpp"
#include "play.hpp"

namespace masq::bpf::fuzz {
namespace {

constexpr std::size_t steps_of_a_game = 3000;
constexpr int repeats = 3;       // of a run that was too long: another program may have had the CPU
constexpr int most_plays = 300;  // to shorten a sequence

std::optional<Finding> play_once(const Game& game, std::optional<Invariant> planted, Tally& tally) {
  Play play(game.setting, planted, tally);
  Game played{.setting = game.setting};
  const auto finding = [&](Breach breach) {
    return Finding{.breach = std::move(breach), .game = std::move(played), .last = play.last()};
  };
  for (const auto step : game.steps) {
    played.steps.push_back(step);
    if (auto breach = play.step(step)) return finding(*std::move(breach));
  }
  if (auto breach = play.finish()) return finding(*std::move(breach));
  return std::nullopt;
}

Game without(const Game& game, std::size_t from, std::size_t count) {
  Game rest{.setting = game.setting};
  for (std::size_t i = 0; i < game.steps.size(); ++i)
    if (i < from || i >= from + count) rest.steps.push_back(game.steps[i]);
  return rest;
}

}  // namespace

Game random_game(Dice& dice) {
  Game game{.setting = dice.below(settings())};
  for (std::size_t i = 0; i < steps_of_a_game; ++i) game.steps.push_back(dice.next());
  return game;
}

std::optional<Finding> play(const Game& game, std::optional<Invariant> planted, Tally& tally) {
  std::optional<Finding> found;
  for (int i = 0; i < repeats; ++i) {
    auto now = play_once(game, planted, tally);
    if (!now || now->breach.invariant != Invariant::runs_are_bounded) return now;
    if (found && found->game.steps.size() != now->game.steps.size()) return std::nullopt;
    found = std::move(now);
  }
  return found;
}

Finding shrunk(Finding finding, std::optional<Invariant> planted) {
  Tally tally;
  int plays = 0;
  for (auto size = std::max<std::size_t>(1, finding.game.steps.size() / 2); size > 0; size /= 2)
    for (std::size_t from = 0; from < finding.game.steps.size() && plays < most_plays; ++plays) {
      auto shorter = play(without(finding.game, from, size), planted, tally);
      if (shorter && shorter->breach.invariant == finding.breach.invariant)
        finding = *std::move(shorter);
      else
        from += size;
    }
  return finding;
}

std::string to_arguments(const Game& game) {
  std::string steps;
  for (const auto step : game.steps) steps += fmt::format("{}{:x}", steps.empty() ? "" : ",", step);
  return fmt::format("--setting {} --steps {}", game.setting, steps);
}

}  // namespace masq::bpf::fuzz
