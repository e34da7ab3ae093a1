// SPDX-License-Identifier: Apache-2.0
// One sequence of packets through one table: what happens in a step follows from the step's number and from the packets
// before it. Steps can be left out, and the others keep their meaning.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/address.hpp"
#include "dice.hpp"
#include "engine.hpp"
#include "oracle.hpp"

namespace masq::bpf::fuzz {

// The configurations that are played: a large table, small tables that fill up, few ports.
std::size_t settings();

// A sequence of steps.
struct Game {
  std::size_t setting = 0;
  std::vector<std::uint64_t> steps;
};

struct Tally {
  std::uint64_t packets = 0;
  std::chrono::nanoseconds longest{0};
  std::map<std::string, std::uint64_t> outcomes;          // "egress translated"; "mirrored", "error mirrored"
  std::function<void(const std::string& packet)> listen;  // if set, gets each packet as text
};

class Play {
 public:
  // `planted`: the breach that is put between the engine and the oracle, for the test of the oracle.
  Play(std::size_t setting, std::optional<Invariant> planted, Tally& tally);

  std::optional<Breach> step(std::uint64_t number);
  // After the last step.
  std::optional<Breach> finish();
  // The last packet and what became of it, in hexadecimal.
  const std::string& last() const { return last_; }

 private:
  using Check = std::optional<Breach>;
  struct Passage {  // a packet before and after its translation
    Bytes before, after;
  };
  // Of one family.
  struct Side {
    explicit Side(Family family) : oracle(family) {}
    Oracle oracle;
    std::vector<Passage> left, delivered;
    std::vector<Sent> recent;
  };

  // Runs a packet; `outcome` gets what became of it.
  Check send(Side& side, const Sent& sent, Dice& dice, test::Outcome* outcome = nullptr);
  Check pod_sends(Side& side, Dice& dice);
  Check remote_replies(Side& side, Dice& dice);
  Check remote_begins(Side& side, Dice& dice);
  Check remote_reports(Side& side, Dice& dice);
  Check node_reports(Side& side, Dice& dice);
  Check mangled(Side& side, Dice& dice);
  Check host_sends(Side& side, Dice& dice);
  Check time_passes(Side& side, Dice& dice);
  Check agent_orders(Side& side, Dice& dice);
  // What left must come back as its mirror; so must errors about either packet.
  Check expect_reply(Side& side, const Passage& out, Dice& dice);
  Check expect_error(Side& side, const Passage& about, bool inbound, Dice& dice);

  std::optional<Invariant> planted_;
  Tally& tally_;
  test::Engine engine_;
  std::array<Side, 2> sides_{Side(Family::ipv4), Side(Family::ipv6)};
  std::chrono::steady_clock::time_point begun_ = std::chrono::steady_clock::now();
  std::string last_;
};

}  // namespace masq::bpf::fuzz
