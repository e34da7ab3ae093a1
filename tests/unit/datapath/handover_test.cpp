// SPDX-License-Identifier: Apache-2.0
// The laws of the change from one datapath to another (handover.hpp), on datapaths whose kernel is a value.
#include "datapath/handover.hpp"

#include <gmock/gmock.h>

#include <algorithm>
#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "datapath/datapath.hpp"
#include "datapath/mapping_table.hpp"
#include "datapath/replacing_datapath.hpp"
#include "model/desired.hpp"
#include "unit/fake_table.hpp"

namespace masq {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// The state of one datapath in the kernel, which outlives the process.
struct Kernel {
  FakeTable table;
  bool is_suspended = false;
  bool imports_at_commit = false;  // as bpf; otherwise at once, as conntrack
  std::set<std::string> failing;   // verbs
  std::function<void()> during_apply = [] {};

  Kernel() { table.is_pinned = false; }
  bool translates() const { return table.is_pinned && !is_suspended; }
  void connect(std::uint16_t external_port) {
    table.is_pinned = true;
    table.mappings.push_back({.external_port = external_port});
  }
  std::vector<std::uint16_t> external_ports() const {
    std::vector<std::uint16_t> ports;
    for (const auto& mapping : table.mappings) ports.push_back(mapping.external_port);
    std::ranges::sort(ports);
    return ports;
  }
};

class KernelDatapath final : public Datapath, public Handover {
 public:
  explicit KernelDatapath(Kernel& kernel) : kernel_(kernel) {}

  std::string name() const override { return "fake"; }
  Result<void> check(const Desired&) override { return attempt("check"); }
  Result<Steps> plan(const Desired&) override { return Steps(); }
  Result<Steps> apply(const Desired&) override {
    if (auto done = attempt("apply"); !done) return std::unexpected(done.error());
    kernel_.table.is_pinned = true;
    kernel_.during_apply();
    return Steps{"apply"};
  }
  Result<Steps> remove() override {
    if (auto done = attempt("remove"); !done) return std::unexpected(done.error());
    kernel_.table.is_pinned = kernel_.is_suspended = false;
    kernel_.table.mappings.clear();
    return Steps{"remove"};
  }
  MappingTable& table() override { return kernel_.table; }
  Handover& handover() override { return *this; }

  Result<bool> is_active() override { return kernel_.translates(); }
  Result<bool> suspend() override {
    if (auto done = attempt("suspend"); !done) return std::unexpected(done.error());
    kernel_.is_suspended = kernel_.table.is_pinned;
    return kernel_.is_suspended;
  }
  Result<void> resume(const Desired&) override {
    if (auto done = attempt("resume"); !done) return done;
    kernel_.is_suspended = false;
    return {};
  }
  Result<void> import_mappings(const std::vector<Mapping>& live) override {
    if (auto done = attempt("import"); !done || kernel_.imports_at_commit) return done;
    add(live);
    return {};
  }
  Result<void> commit_import(const std::vector<Mapping>& live) override {
    if (auto done = attempt("commit"); !done || !kernel_.imports_at_commit) return done;
    add(live);
    return {};
  }

 private:
  Result<void> attempt(const std::string& verb) const {
    if (kernel_.failing.contains(verb)) return fail("{} fails", verb);
    return {};
  }
  void add(const std::vector<Mapping>& live) {
    for (const auto& mapping : live)
      if (!std::ranges::binary_search(kernel_.external_ports(), mapping.external_port))
        kernel_.table.mappings.push_back(mapping);
  }

  Kernel& kernel_;
};

class Change : public testing::TestWithParam<bool> {
 protected:
  Change() {
    chosen.imports_at_commit = GetParam();
    other.connect(1000);
    other.connect(1001);
  }
  // A process with the datapath `to`. Returns its error.
  static std::string start(Kernel& to, Kernel& from) {
    ReplacingDatapath::Others others;
    others.push_back(std::make_unique<KernelDatapath>(from));
    ReplacingDatapath process(std::make_unique<KernelDatapath>(to), std::move(others));
    const auto steps = process.apply({});
    return steps ? "" : steps.error().message;
  }
  void only_the_other_one_translates() const {
    EXPECT_TRUE(other.translates());
    EXPECT_FALSE(chosen.table.is_pinned);
    EXPECT_THAT(other.external_ports(), ElementsAre(1000, 1001));
  }

  Kernel chosen, other;
};

TEST_P(Change, ConnectionsKeepTheirExternalEndpoints) {
  EXPECT_EQ(start(chosen, other), "");
  EXPECT_TRUE(chosen.translates());
  EXPECT_FALSE(other.table.is_pinned);
  EXPECT_THAT(chosen.external_ports(), ElementsAre(1000, 1001));
}

TEST_P(Change, ConnectionsThatStartMeanwhileFollow) {
  chosen.during_apply = [&] { other.connect(1002); };
  EXPECT_EQ(start(chosen, other), "");
  EXPECT_THAT(chosen.external_ports(), ElementsAre(1000, 1001, 1002));
}

TEST_P(Change, APredictableFailureChangesNothing) {
  chosen.failing = {"check"};
  other.failing = {"suspend"};  // must not be reached
  EXPECT_EQ(start(chosen, other), "check fails");
  only_the_other_one_translates();
}

TEST_P(Change, AFailedChangeIsUndoneAndSucceedsLater) {
  for (const auto* const verb : {"import", "apply"}) {
    chosen.failing = {verb};
    EXPECT_EQ(start(chosen, other), std::string(verb) + " fails");
    only_the_other_one_translates();
  }
  chosen.failing.clear();
  EXPECT_EQ(start(chosen, other), "");
  EXPECT_THAT(chosen.external_ports(), ElementsAre(1000, 1001));
}

TEST_P(Change, AFailedSuspensionChangesNothing) {
  other.failing = {"suspend"};
  EXPECT_EQ(start(chosen, other), "suspend fails");
  only_the_other_one_translates();
}

TEST_P(Change, TheOtherOneResumesThoughTheChosenOneCannotBeRemoved) {
  chosen.failing = {"apply", "remove"};
  EXPECT_EQ(start(chosen, other), "apply fails; remove fails");
  EXPECT_TRUE(other.translates());
}

TEST_P(Change, AnErrorWhileResumingIsReported) {
  chosen.failing = {"apply"};
  other.failing = {"resume"};
  EXPECT_EQ(start(chosen, other), "apply fails; resume fails");
}

// The killed process had suspended the other datapath, and applied nothing or a part of the chosen one.
TEST_P(Change, WhatAKilledProcessSuspendedResumesWhenTheChangeStillFails) {
  other.is_suspended = true;
  chosen.failing = {"check"};
  EXPECT_EQ(start(chosen, other), "check fails");
  EXPECT_TRUE(other.translates());
}

TEST_P(Change, WhatAKilledProcessSuspendedResumesWhenItIsChosenAgain) {
  other.is_suspended = true;
  chosen.connect(1002);  // of the killed process
  EXPECT_EQ(start(other, chosen), "");
  EXPECT_TRUE(other.translates());
  EXPECT_FALSE(chosen.table.is_pinned);
  EXPECT_THAT(other.external_ports(), testing::IsSupersetOf({1000, 1001}));
}

TEST_P(Change, WhatAKilledProcessSuspendedIsExportedWhenTheChangeSucceeds) {
  other.is_suspended = true;
  EXPECT_EQ(start(chosen, other), "");
  EXPECT_THAT(chosen.external_ports(), ElementsAre(1000, 1001));
  EXPECT_THAT(other.external_ports(), IsEmpty());
}

TEST_P(Change, WhatMasqueradesIsNotUndone) {
  chosen.connect(2000);
  chosen.failing = {"apply"};
  EXPECT_THAT(start(chosen, other), HasSubstr("apply fails"));
  EXPECT_TRUE(chosen.translates());
}

TEST_P(Change, TheChosenOneStaysWhenTheOtherOneCannotBeRemoved) {
  other.failing = {"remove"};
  EXPECT_EQ(start(chosen, other), "remove fails");
  EXPECT_TRUE(chosen.translates());
  other.failing.clear();
  EXPECT_EQ(start(chosen, other), "");
  EXPECT_THAT(chosen.external_ports(), ElementsAre(1000, 1001));
  EXPECT_FALSE(other.table.is_pinned);
}

INSTANTIATE_TEST_SUITE_P(ImportsAtOnceAndAtTheCommit, Change, testing::Bool());

}  // namespace
}  // namespace masq
