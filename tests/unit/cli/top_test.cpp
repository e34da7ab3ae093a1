// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <netinet/in.h>

#include <cstdint>
#include <nlohmann/json.hpp>

#include "base/address.hpp"
#include "cli/command.hpp"
#include "datapath/datapath.hpp"
#include "os/http_client.hpp"
#include "unit/cli/fake_context.hpp"
#include "unit/words.hpp"

namespace masq::cli {
namespace {

Mapping mapping(const char* pod, const char* remote, std::uint16_t external_port, std::uint8_t protocol = IPPROTO_TCP) {
  return {.protocol = protocol,
          .pod = Address::parse(pod).value(),
          .pod_port = external_port,
          .remote = Address::parse(remote).value(),
          .remote_port = 443,
          .external = "192.0.2.10"_ip,
          .external_port = external_port};
}

FakeContext busy() {
  return {
      .agent =
          os::HttpAnswer{.status = 200, .body = R"({"limits": {"mappings": 100, "mappingsPerPod": 8, "ports": 10}})"},
      .table = FakeTable(std::vector<Mapping>{
          mapping("10.0.1.6", "203.0.113.9", 3), mapping("10.0.1.5", "203.0.113.9", 1),
          mapping("10.0.1.5", "203.0.113.9", 2), mapping("10.0.1.5", "198.51.100.7", 1),
          mapping("10.0.1.5", "198.51.100.7", 1, IPPROTO_UDP), mapping("10.0.1.5", "198.51.100.7", 7, IPPROTO_ICMP)})};
}

TEST(Top, OneTableWhereThereIsNoTerminal) {
  auto context = busy();
  const auto expected =
      "Mappings: IPv4 6 of 100, IPv6 0 of 100. Pods: 2. Destinations: 3.\n"
      "\n"
      "POD       MAPPINGS   OF MAX     PORTS\n"
      "10.0.1.5         5    62.5%         4\n"
      "10.0.1.6         1    12.5%         1\n"
      "\n"
      "DESTINATION              PORTS OF RANGE   EXTERNAL\n"
      "TCP 203.0.113.9:443          3    30.0%   192.0.2.10\n"
      "TCP 198.51.100.7:443         1    10.0%   192.0.2.10\n"
      "UDP 198.51.100.7:443         1    10.0%   192.0.2.10\n";
  EXPECT_EQ(context.run({"top"}), exit_done);
  EXPECT_EQ(context.out, expected);
  EXPECT_EQ(context.run({"top", "--once"}), exit_done);
  EXPECT_EQ(context.out, expected);
}

TEST(Top, WithoutAnAgentTheLimitsAreNotKnown) {
  auto context = busy();
  context.agent.reset();
  EXPECT_EQ(context.run({"top", "--rows", "1"}), exit_done);
  EXPECT_EQ(context.out,
            "Mappings: IPv4 6, IPv6 0. Pods: 2. Destinations: 3.\n"
            "\n"
            "POD       MAPPINGS   OF MAX     PORTS\n"
            "10.0.1.5         5        -         4\n"
            "\n"
            "DESTINATION             PORTS OF RANGE   EXTERNAL\n"
            "TCP 203.0.113.9:443         3        -   192.0.2.10\n");
}

TEST(Top, AsJson) {
  auto context = busy();
  EXPECT_EQ(context.run({"top", "-o", "json", "--rows", "1"}), exit_done);
  EXPECT_EQ(nlohmann::json::parse(context.out), nlohmann::json::parse(R"({
    "mappings": {"ipv4": 6, "ipv6": 0}, "limits": {"mappings": 100, "mappingsPerPod": 8, "ports": 10},
    "pods": [{"pod": "10.0.1.5", "mappings": 5, "ports": 4}],
    "destinations": [{"protocol": "TCP", "address": "203.0.113.9", "port": 443, "external": "192.0.2.10", "ports": 3,
                      "portsOfRange": 3}]
  })"));
}

// Ports that pods keep outside the range are used, and make no port of the range scarce.
TEST(Top, TheShareIsThatOfTheRange) {
  auto context = busy();
  context.agent =
      os::HttpAnswer{.status = 200, .body = R"({"limits": {"ports": 4, "portRanges": ["1-1", 5, "x", "4-6"]}})"};
  EXPECT_EQ(context.run({"top", "--rows", "2"}), exit_done);
  EXPECT_THAT(context.out, ::testing::HasSubstr("TCP 203.0.113.9:443          3    25.0%   192.0.2.10\n"
                                                "TCP 198.51.100.7:443         1    25.0%   192.0.2.10\n"));
}

TEST(Top, WrongUseAndFailure) {
  auto context = busy();
  for (const char* rows : {"0", "-1", "x", ""}) EXPECT_EQ(context.run({"top", "--rows", rows}), exit_wrong_use) << rows;
  context.table.is_pinned = false;
  EXPECT_EQ(context.run({"top"}), exit_failed);
  EXPECT_EQ(context.err, "masq: nothing of masq is pinned in /bpf/masq\n");
}

}  // namespace
}  // namespace masq::cli
