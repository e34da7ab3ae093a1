// SPDX-License-Identifier: Apache-2.0
#include "agent/lifecycle/pod_watch.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/address.hpp"
#include "os/event_loop.hpp"
#include "unit/agent/fakes.hpp"
#include "unit/os/own_network.hpp"
#include "unit/words.hpp"

namespace masq::agent {
namespace {

using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

// The pods of a node, each behind a device of its own. Batches arrive in the order of the kernel's messages.
class Pods {
 public:
  using Batch = std::vector<Address>;

  void add(const std::string& device, const std::vector<std::string>& addresses) {
    os::ip(fmt::format("link add {0} type veth peer name {0}-pod", device));
    for (const auto& name : {device, device + "-pod"}) os::ip(fmt::format("link set {} up", name));
    for (const auto& address : addresses) add_neighbour(device, address, "02:00:00:00:00:01");
  }
  static void add_neighbour(const std::string& device, const std::string& address, const std::string& hardware) {
    os::ip(fmt::format("neighbour add {} dev {} lladdr {} nud reachable", address, device, hardware));
  }
  // The batches since the last call. The address of a marker, which is removed last, ends them.
  std::vector<Batch> batches() {
    const auto marker = "198.51.100.1"_ip;
    add("marker", {"198.51.100.1"});
    os::ip("link delete marker");
    const auto last = [&] {
      return !batches_.empty() && std::ranges::find(batches_.back(), marker) != batches_.back().end();
    };
    for (const auto end = loop_->now() + seconds(5); !last() && loop_->now() < end;)
      EXPECT_TRUE(loop_->run_once(std::chrono::milliseconds(20)));
    EXPECT_TRUE(last());
    auto found = std::exchange(batches_, {});
    for (auto& batch : found) std::erase(batch, marker);
    std::erase_if(found, [](const Batch& batch) { return batch.empty(); });
    return found;
  }
  void pass(seconds time) {
    settle();
    clock_.pass(time);
  }

 private:
  // Handles the messages that have arrived.
  void settle() {
    for (int i = 0; i < 20; ++i) ASSERT_TRUE(loop_->run_once(seconds(0)));
  }

  std::unique_ptr<os::EventLoop> loop_ = os::EventLoop::open().value();
  FakeTimers clock_;
  std::vector<Batch> batches_;
  std::unique_ptr<PodWatch> watch_ =
      PodWatch::open(*loop_, clock_, [this](const Batch& pods) { batches_.push_back(pods); }).value();
};

void expect_of_pods(const std::function<void(Pods&)>& body) {
  const bool entered = os::in_own_network([&] {
    Pods pods;
    body(pods);
  });
  if (!entered) GTEST_SKIP() << "a network namespace needs root";
}

TEST(PodWatch, ARemovedDeviceRemovesItsNeighbours) {
  expect_of_pods([](Pods& pods) {
    pods.add("pod1", {"10.0.1.6", "10.0.1.5", "2001:db8::5"});
    os::ip("link delete pod1");
    EXPECT_THAT(pods.batches(), ElementsAre(ElementsAre("10.0.1.5"_ip, "10.0.1.6"_ip, "2001:db8::5"_ip)));
  });
}

TEST(PodWatch, DevicesThatAreRemovedTogetherAreOneBatch) {
  expect_of_pods([](Pods& pods) {
    pods.add("pod1", {"10.0.1.5"});
    pods.add("pod2", {"10.0.1.6"});
    pods.add("pod3", {"10.0.1.7"});
    os::ip("link set pod1 group 7");
    os::ip("link set pod3 group 7");
    os::ip("link delete group 7");
    EXPECT_THAT(pods.batches(), ElementsAre(ElementsAre("10.0.1.5"_ip, "10.0.1.7"_ip)));
  });
}

TEST(PodWatch, ADeviceThatIsDownOnlyKeepsItsPods) {
  expect_of_pods([](Pods& pods) {
    pods.add("pod1", {"10.0.1.5"});
    os::ip("link set pod1 down");
    os::ip("link set pod1 up");
    EXPECT_THAT(pods.batches(), IsEmpty());
  });
}

TEST(PodWatch, ADeviceThatGoesDownFirstRemovesItsPods) {
  expect_of_pods([](Pods& pods) {
    pods.add("pod1", {"10.0.1.5"});
    os::ip("link set pod1 down");
    pods.pass(seconds(4));
    os::ip("link delete pod1");
    EXPECT_THAT(pods.batches(), ElementsAre(ElementsAre("10.0.1.5"_ip)));
  });
}

TEST(PodWatch, ANeighbourThatExpiredEarlierIsNotRemovedWithItsDevice) {
  expect_of_pods([](Pods& pods) {
    pods.add("pod1", {"10.0.1.5", "10.0.1.6"});
    os::ip("neighbour delete 10.0.1.5 dev pod1");
    pods.pass(seconds(6));
    os::ip("link delete pod1");
    EXPECT_THAT(pods.batches(), ElementsAre(ElementsAre("10.0.1.6"_ip)));
  });
}

TEST(PodWatch, ARemovedPortRemovesTheNeighboursOfTheBridgeBehindIt) {
  expect_of_pods([](Pods& pods) {
    os::ip("link add br0 type bridge");
    os::ip("link set br0 up");
    for (const auto* port : {"pod1", "pod2"}) {
      pods.add(port, {});
      os::ip(fmt::format("link set {} master br0", port));
    }
    ASSERT_EQ(std::system("bridge fdb add 02:00:00:00:00:05 dev pod1 master"), 0);
    ASSERT_EQ(std::system("bridge fdb add 02:00:00:00:00:06 dev pod2 master"), 0);
    Pods::add_neighbour("br0", "10.0.1.5", "02:00:00:00:00:05");
    Pods::add_neighbour("br0", "10.0.1.6", "02:00:00:00:00:06");
    os::ip("link delete pod1");
    EXPECT_THAT(pods.batches(), ElementsAre(ElementsAre("10.0.1.5"_ip)));
    os::ip("link delete pod2");
    EXPECT_THAT(pods.batches(), ElementsAre(ElementsAre("10.0.1.6"_ip))) << "the bridge's last port";
  });
}

TEST(PodWatch, AGroupAddressIsNoPod) {
  expect_of_pods([](Pods& pods) {
    pods.add("pod1", {"10.0.1.5"});
    Pods::add_neighbour("pod1", "224.0.0.5", "01:00:5e:00:00:05");
    os::ip("link delete pod1");
    EXPECT_THAT(pods.batches(), ElementsAre(ElementsAre("10.0.1.5"_ip)));
  });
}

}  // namespace
}  // namespace masq::agent
