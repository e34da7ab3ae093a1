// SPDX-License-Identifier: Apache-2.0
#include "agent/lifecycle/pod_removal.hpp"

#include <gtest/gtest.h>

#include <vector>

#include "base/address.hpp"
#include "base/result.hpp"
#include "datapath/datapath.hpp"
#include "unit/agent/fakes.hpp"
#include "unit/words.hpp"

namespace masq {
namespace {

class DatapathOfPods final : public FakeDatapath {
 public:
  Result<Ended> pods_gone(const std::vector<Address>& pods) override {
    removed = pods;
    return ended;
  }
  std::vector<Address> removed;
  Result<Ended> ended;
};

TEST(PodRemoval, EndsTheConnectionsAndLogsTheirNumbers) {
  FakeLog log;
  DatapathOfPods datapath;
  const std::vector pods = {"10.0.1.5"_ip, "10.0.1.6"_ip};
  datapath.ended = Ended{.mappings = 2, .left_alone = 1};
  end_connections(datapath, pods, log.log);
  EXPECT_EQ(datapath.removed, pods);
  EXPECT_EQ(log.take(), "info: quarantined 2 mappings of removed pods, cleared 1 bypassed connections\n");
}

TEST(PodRemoval, NothingIsLoggedOfPodsWithoutConnections) {
  FakeLog log;
  log.log.set_level(spdlog::level::debug);
  DatapathOfPods datapath;
  end_connections(datapath, {"10.0.1.5"_ip}, log.log);
  EXPECT_EQ(log.take(), "");
}

TEST(PodRemoval, AnErrorIsForTheDebugLog) {
  FakeLog log;
  DatapathOfPods datapath;
  datapath.ended = fail("no map");
  end_connections(datapath, {"10.0.1.5"_ip}, log.log);
  EXPECT_EQ(log.take(), "");
  log.log.set_level(spdlog::level::debug);
  end_connections(datapath, {"10.0.1.5"_ip}, log.log);
  EXPECT_EQ(log.take(), "debug: connections of removed pods: no map\n");
}

}  // namespace
}  // namespace masq
