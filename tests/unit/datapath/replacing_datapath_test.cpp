// SPDX-License-Identifier: Apache-2.0
#include "datapath/replacing_datapath.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <expected>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "datapath/datapath.hpp"
#include "model/desired.hpp"

namespace masq {
namespace {

using Lines = std::vector<std::string>;

// Writes down what it is asked, and refuses what it is told to refuse.
class Witness final : public Datapath {
 public:
  Witness(std::string name, Lines& said, Lines& refused) : name_(std::move(name)), said_(said), refused_(refused) {}

  std::string name() const override { return name_; }
  Result<Steps> apply(const Desired&) override { return say("apply", Steps{name_}); }
  Result<Steps> plan(const Desired&) override { return Steps(); }
  Result<void> check(const Desired&) override { return say("check"); }
  Result<bool> is_active() override { return active; }
  Result<bool> hand_over() override { return say("hand over", has_something); }
  Result<void> take_back(const Desired&) override { return say("take back"); }
  Result<void> take_over(const std::vector<Mapping>&) override { return say("take over"); }
  Result<void> taken_over(const std::vector<Mapping>&) override { return say("taken over"); }
  void not_taken_over() override { said_.push_back(name_ + ": not taken over"); }
  Result<void> mappings(const std::function<void(const Mapping&)>&) override { return {}; }
  Result<Counters> counters() override { return Counters(); }
  Result<Steps> remove() override { return say("remove", Steps()); }

  bool active = false;
  bool has_something = true;

 private:
  Result<void> say(const char* what) {
    said_.push_back(name_ + ": " + what);
    if (std::ranges::find(refused_, said_.back()) != refused_.end()) return fail("no {}", said_.back());
    return {};
  }
  template <class T>
  Result<T> say(const char* what, T answer) {
    if (auto done = say(what); !done) return std::unexpected(done.error());
    return answer;
  }

  std::string name_;
  Lines& said_;
  Lines& refused_;
};

class Replacing : public testing::Test {
 protected:
  static ReplacingDatapath::Others one(std::unique_ptr<Datapath> datapath) {
    ReplacingDatapath::Others others;
    others.push_back(std::move(datapath));
    return others;
  }
  // What is said, in its order, and whether it was done.
  Lines apply() {
    said.clear();
    error.clear();
    if (const auto steps = datapath.apply({}); !steps) error = steps.error().message;
    return said;
  }

  Lines said, refused;
  std::string error;
  Witness* chosen = new Witness("new", said, refused);
  Witness* other = new Witness("old", said, refused);
  ReplacingDatapath datapath{std::unique_ptr<Datapath>(chosen), one(std::unique_ptr<Datapath>(other))};
};

const Lines whole_change = {"new: check",     "old: hand over", "new: take over",  "new: apply",
                            "new: take over", "old: remove",    "new: taken over", "new: take back"};

TEST_F(Replacing, HandsOverThenAppliesThenRemoves) {
  EXPECT_EQ(apply(), whole_change);
  EXPECT_EQ(error, "");
  EXPECT_EQ(apply(), Lines{"new: apply"});
}

TEST_F(Replacing, AFailedCheckChangesNothingAndResumesTheOtherDatapath) {
  refused = {"new: check"};
  EXPECT_EQ(apply(), (Lines{"new: check", "new: not taken over", "old: take back"}));
  EXPECT_EQ(error, "no new: check");
}

TEST_F(Replacing, TheOtherDatapathContinuesAfterAFailureUntilARetrySucceeds) {
  refused = {"new: apply"};
  EXPECT_EQ(apply(), (Lines{"new: check", "old: hand over", "new: take over", "new: apply", "new: not taken over",
                            "new: remove", "old: take back"}));
  EXPECT_EQ(error, "no new: apply");
  refused.clear();
  EXPECT_EQ(apply(), whole_change);
}

TEST_F(Replacing, TheOtherDatapathContinuesWhenTheChosenOneCannotBeRemoved) {
  refused = {"new: apply", "new: remove"};
  EXPECT_EQ(apply().back(), "old: take back");
  EXPECT_EQ(error, "no new: apply; no new: remove");
}

TEST_F(Replacing, AFailedHandoverIsUndoneAndRemovesNothing) {
  refused = {"old: hand over"};
  EXPECT_EQ(apply(), (Lines{"new: check", "old: hand over", "new: not taken over", "old: take back"}));
}

TEST_F(Replacing, AFailedTakeoverReturnsConnectionsToTheOtherDatapath) {
  refused = {"new: take over"};
  EXPECT_EQ(apply(), (Lines{"new: check", "old: hand over", "new: take over", "new: not taken over", "new: remove",
                            "old: take back"}));
}

TEST_F(Replacing, WithoutAnotherDatapathInTheKernelAFailureRemovesNothing) {
  other->has_something = false;
  refused = {"new: apply"};
  EXPECT_EQ(std::ranges::count(apply(), "new: remove"), 0);
}

TEST_F(Replacing, AnActiveDatapathIsNotRemovedAfterAFailure) {
  chosen->active = true;
  refused = {"new: apply"};
  EXPECT_EQ(apply(), (Lines{"new: check", "old: hand over", "new: take over", "new: apply", "new: not taken over"}));
}

TEST_F(Replacing, TheChosenDatapathStaysWhenTheOtherCannotBeRemoved) {
  refused = {"old: remove"};
  EXPECT_EQ(apply(), (Lines{"new: check", "old: hand over", "new: take over", "new: apply", "new: take over",
                            "old: remove", "new: not taken over"}));
  EXPECT_EQ(error, "no old: remove");
}

}  // namespace
}  // namespace masq
