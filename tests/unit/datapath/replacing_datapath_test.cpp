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
#include "unit/fake_table.hpp"

namespace masq {
namespace {

using Lines = std::vector<std::string>;

// Writes down what it is asked, and refuses what it is told to refuse.
class Witness final : public Datapath, public Handover {
 public:
  Witness(std::string name, Lines& said, Lines& refused) : name_(std::move(name)), said_(said), refused_(refused) {}

  std::string name() const override { return name_; }
  Result<Steps> apply(const Desired&) override { return say("apply", Steps{name_}); }
  Result<Steps> plan(const Desired&) override { return Steps(); }
  Result<void> check(const Desired&) override { return say("check"); }
  Result<bool> is_active() override { return active; }
  Result<bool> suspend() override { return say("suspend", has_something); }
  Result<void> resume(const Desired&) override { return say("resume"); }
  Result<void> import_mappings(const std::vector<Mapping>&) override { return say("import"); }
  Result<void> commit_import(const std::vector<Mapping>&) override { return say("commit"); }
  void abort_import() override { said_.push_back(name_ + ": abort"); }
  MappingTable& table() override { return mappings; }
  Handover& handover() override { return *this; }
  Result<Steps> remove() override { return say("remove", Steps()); }

  bool active = false;
  bool has_something = true;
  FakeTable mappings;

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

const Lines whole_change = {"new: check",  "old: suspend", "new: import", "new: apply",
                            "new: import", "old: remove",  "new: commit", "new: resume"};

TEST_F(Replacing, SuspendsThenAppliesThenRemoves) {
  EXPECT_EQ(apply(), whole_change);
  EXPECT_EQ(error, "");
  EXPECT_EQ(apply(), Lines{"new: apply"});
}

TEST_F(Replacing, AFailedCheckChangesNothingAndResumesTheOtherDatapath) {
  refused = {"new: check"};
  EXPECT_EQ(apply(), (Lines{"new: check", "new: abort", "old: resume"}));
  EXPECT_EQ(error, "no new: check");
}

TEST_F(Replacing, TheOtherDatapathContinuesAfterAFailureUntilARetrySucceeds) {
  refused = {"new: apply"};
  EXPECT_EQ(apply(), (Lines{"new: check", "old: suspend", "new: import", "new: apply", "new: abort", "new: remove",
                            "old: resume"}));
  EXPECT_EQ(error, "no new: apply");
  refused.clear();
  EXPECT_EQ(apply(), whole_change);
}

TEST_F(Replacing, TheOtherDatapathContinuesWhenTheChosenOneCannotBeRemoved) {
  refused = {"new: apply", "new: remove"};
  EXPECT_EQ(apply().back(), "old: resume");
  EXPECT_EQ(error, "no new: apply; no new: remove");
}

TEST_F(Replacing, AFailedSuspensionIsResumedAndRemovesNothing) {
  refused = {"old: suspend"};
  EXPECT_EQ(apply(), (Lines{"new: check", "old: suspend", "new: abort", "old: resume"}));
}

TEST_F(Replacing, AFailedImportReturnsConnectionsToTheOtherDatapath) {
  refused = {"new: import"};
  EXPECT_EQ(apply(), (Lines{"new: check", "old: suspend", "new: import", "new: abort", "new: remove", "old: resume"}));
}

TEST_F(Replacing, WithoutAnotherDatapathInTheKernelAFailureRemovesNothing) {
  other->has_something = false;
  refused = {"new: apply"};
  EXPECT_EQ(std::ranges::count(apply(), "new: remove"), 0);
}

TEST_F(Replacing, AnActiveDatapathIsNotRemovedAfterAFailure) {
  chosen->active = true;
  refused = {"new: apply"};
  EXPECT_EQ(apply(), (Lines{"new: check", "old: suspend", "new: import", "new: apply", "new: abort"}));
}

TEST_F(Replacing, TheChosenDatapathStaysWhenTheOtherCannotBeRemoved) {
  refused = {"old: remove"};
  EXPECT_EQ(apply(), (Lines{"new: check", "old: suspend", "new: import", "new: apply", "new: import", "old: remove",
                            "new: abort"}));
  EXPECT_EQ(error, "no old: remove");
}

}  // namespace
}  // namespace masq
