// SPDX-License-Identifier: Apache-2.0
// Plays sequences, and makes those that fail short.
#pragma once

#include <optional>
#include <string>

#include "dice.hpp"
#include "oracle.hpp"
#include "play.hpp"

namespace masq::bpf::fuzz {

struct Finding {
  Breach breach;
  Game game;  // up to the step that failed
  std::string last;
};

Game random_game(Dice& dice);

// Plays until the first breach. A run that was too long counts only if it is again.
std::optional<Finding> play(const Game& game, std::optional<Invariant> planted, Tally& tally);

// Leaves out steps as long as the same invariant breaks.
Finding shrunk(Finding finding, std::optional<Invariant> planted);

// "--setting 1 --steps 2f,3a": the arguments that play it again.
std::string to_arguments(const Game& game);

}  // namespace masq::bpf::fuzz
