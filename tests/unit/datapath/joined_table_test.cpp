// SPDX-License-Identifier: Apache-2.0
#include "datapath/joined_table.hpp"

#include <gmock/gmock.h>

#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "base/cidr.hpp"
#include "datapath/mapping_table.hpp"
#include "unit/fake_table.hpp"
#include "unit/words.hpp"

namespace masq {
namespace {

using testing::ElementsAre;

class Joined : public testing::Test {
 protected:
  Joined() {
    JoinedTable::Tables tables;
    for (auto*& table : each) {
      auto made = std::make_unique<FakeTable>();
      made->is_pinned = false;
      table = made.get();
      tables.push_back(std::move(made));
    }
    joined = std::make_unique<JoinedTable>(std::move(tables));
  }
  void exists(std::size_t table, std::vector<std::uint16_t> ports) {
    each[table]->is_pinned = true;
    for (const auto port : ports) each[table]->mappings.push_back({.external_port = port});
  }
  std::vector<std::uint16_t> ports() {
    std::vector<std::uint16_t> found;
    EXPECT_TRUE(joined->for_each([&](const Mapping& mapping) { found.push_back(mapping.external_port); }));
    return found;
  }

  FakeTable* each[3] = {};
  std::unique_ptr<JoinedTable> joined;
};

TEST_F(Joined, ReadsTheTablesThatExist) {
  exists(1, {10, 11});
  EXPECT_THAT(ports(), ElementsAre(10, 11));
  exists(2, {20});
  EXPECT_THAT(ports(), ElementsAre(10, 11, 20));
  EXPECT_EQ(joined->exists(), true);
}

TEST_F(Joined, WithoutAnyTheFirstOneReportsTheError) {
  EXPECT_EQ(joined->exists(), false);
  const auto done = joined->for_each([](const Mapping&) {});
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().message, "nothing of masq is pinned in /bpf/masq");
  EXPECT_FALSE(joined->end([](const Mapping&) { return true; }));
  EXPECT_FALSE(joined->ip_masq());
}

TEST_F(Joined, EndsInEachTableAndAddsUp) {
  exists(0, {10, 11});
  exists(2, {10});
  const auto ended = joined->end([](const Mapping& mapping) { return mapping.external_port == 10; });
  ASSERT_TRUE(ended);
  EXPECT_EQ(ended->mappings, 2u);
  EXPECT_THAT(ports(), ElementsAre(11));
}

TEST_F(Joined, AnEntryOfTwoTablesIsListedOnce) {
  exists(0, {});
  exists(1, {});
  each[0]->listed = {{.cidr = "10.0.0.0/8"_cidr}, {.cidr = "10.5.0.0/16"_cidr, .masquerade = true}};
  each[1]->listed = {{.cidr = "10.0.0.0/8"_cidr}};
  EXPECT_EQ(joined->ip_masq(), each[0]->listed);
}

}  // namespace
}  // namespace masq
