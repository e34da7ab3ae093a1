// SPDX-License-Identifier: Apache-2.0
#include "agent/lifecycle/pod_removal.hpp"

#include <gtest/gtest.h>

#include <vector>

#include "base/address.hpp"
#include "base/result.hpp"
#include "datapath/mapping_table.hpp"
#include "unit/agent/fakes.hpp"
#include "unit/words.hpp"

namespace masq::agent {
namespace {

class TableOfPods final : public FakeTable {
 public:
  Result<Ended> quarantine(const std::vector<Address>& pods) override {
    removed = pods;
    return ended;
  }
  std::vector<Address> removed;
  Result<Ended> ended;
};

TEST(PodRemoval, EndsTheConnectionsAndLogsTheirNumbers) {
  FakeLog log;
  TableOfPods table;
  const std::vector pods = {"10.0.1.5"_ip, "10.0.1.6"_ip};
  table.ended = Ended{.mappings = 2, .bypassed = 1};
  end_connections(table, pods, log.log);
  EXPECT_EQ(table.removed, pods);
  EXPECT_EQ(log.take(), "info: quarantined 2 mappings of removed pods, cleared 1 bypassed connections\n");
}

TEST(PodRemoval, NothingIsLoggedOfPodsWithoutConnections) {
  FakeLog log;
  log.log.set_level(spdlog::level::debug);
  TableOfPods table;
  end_connections(table, {"10.0.1.5"_ip}, log.log);
  EXPECT_EQ(log.take(), "");
}

TEST(PodRemoval, AnErrorIsForTheDebugLog) {
  FakeLog log;
  TableOfPods table;
  table.ended = fail("no map");
  end_connections(table, {"10.0.1.5"_ip}, log.log);
  EXPECT_EQ(log.take(), "");
  log.log.set_level(spdlog::level::debug);
  end_connections(table, {"10.0.1.5"_ip}, log.log);
  EXPECT_EQ(log.take(), "debug: connections of removed pods: no map\n");
}

}  // namespace
}  // namespace masq::agent
