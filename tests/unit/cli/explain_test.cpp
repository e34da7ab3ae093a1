// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <netinet/in.h>

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/address.hpp"
#include "cli/command.hpp"
#include "datapath/datapath.hpp"
#include "os/http_client.hpp"
#include "unit/cli/fake_context.hpp"
#include "unit/words.hpp"

namespace masq::cli {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* masqueraded = R"({"verdict": "masqueraded as 192.0.2.10: because", "masqueraded": true,
  "limits": {"mappings": 3, "mappingsPerPod": 2, "ports": 1}})";

Mapping mapping(const char* pod, std::uint16_t port) {
  return {.protocol = IPPROTO_TCP,
          .pod = Address::parse(pod).value(),
          .pod_port = port,
          .remote = "203.0.113.9"_ip,
          .remote_port = 443,
          .external = "192.0.2.10"_ip,
          .external_port = port};
}

TEST(Explain, AsksTheAgentAndShowsItsVerdict) {
  FakeContext context{.agent = os::HttpAnswer{.status = 200, .body = masqueraded}};
  EXPECT_EQ(context.run({"explain", "10.0.1.5", "203.0.113.9"}), exit_done);
  EXPECT_EQ(context.asked, "/v1/explain?source=10.0.1.5&destination=203.0.113.9");
  EXPECT_EQ(context.out, "masqueraded as 192.0.2.10: because\n");
  EXPECT_EQ(context.run({"explain", "fd00::0005", "2001:db8::1", "--proto", "ICMP"}), exit_done);
  EXPECT_EQ(context.asked, "/v1/explain?source=fd00::5&destination=2001:db8::1");
  EXPECT_EQ(context.run({"explain", "10.0.1.5", "203.0.113.9", "--dport", "443", "-o", "json"}), exit_done);
  EXPECT_EQ(context.asked, "/v1/explain?source=10.0.1.5&destination=203.0.113.9");
  EXPECT_EQ(nlohmann::json::parse(context.out)["masqueraded"], true);
}

TEST(Explain, SaysWhereTheSourceIs) {
  FakeContext context{.agent = os::HttpAnswer{.status = 200, .body = R"({"verdict": "yes", "masqueraded": true,
                                      "sourceDevice": "lxc1"})"}};
  EXPECT_EQ(context.run({"explain", "10.0.1.5", "203.0.113.9"}), exit_done);
  EXPECT_EQ(context.out, "yes\nthe source is behind lxc1: first packets from elsewhere are dropped, spoofed_source\n");
}

TEST(Explain, SaysWhatIsInTheWayAndWhatIsAlive) {
  FakeContext context{
      .agent = os::HttpAnswer{.status = 200, .body = masqueraded},
      .table = FakeTable(std::vector<Mapping>{mapping("10.0.1.5", 1), mapping("10.0.1.5", 2), mapping("10.0.1.6", 3)})};
  EXPECT_EQ(context.run({"explain", "10.0.1.5", "203.0.113.9", "--dport", "443"}), exit_done);
  EXPECT_EQ(context.out,
            "masqueraded as 192.0.2.10: because\n"
            "now dropped: every port of 192.0.2.10 toward TCP 203.0.113.9:443 is taken (3 of 1)\n"
            "now dropped: the pod has 2 of 2 mappings\n"
            "now dropped: 3 of 3 mappings are in use\n"
            "2 mappings exist: existing connections keep their original decision\n");
  context.table.mappings.pop_back();
  EXPECT_EQ(context.run({"explain", "10.0.1.7", "203.0.113.9", "--dport", "80"}), exit_done);
  EXPECT_EQ(context.out, "masqueraded as 192.0.2.10: because\n");
}

TEST(Explain, PortsOutsideTheRangeAreNotInTheWay) {
  FakeContext context{
      .agent = os::HttpAnswer{.status = 200, .body = R"({"verdict": "yes", "masqueraded": true,
                                      "limits": {"ports": 2, "portRanges": ["2-3"]}})"},
      .table = FakeTable(std::vector<Mapping>{mapping("10.0.1.5", 1), mapping("10.0.1.5", 2), mapping("10.0.1.6", 4)})};
  EXPECT_EQ(context.run({"explain", "10.0.1.7", "203.0.113.9", "--dport", "443"}), exit_done);
  EXPECT_EQ(context.out, "yes\n");
  context.table.mappings.push_back(mapping("10.0.1.6", 3));
  EXPECT_EQ(context.run({"explain", "10.0.1.7", "203.0.113.9", "--dport", "443"}), exit_done);
  EXPECT_THAT(context.out, HasSubstr("every port of 192.0.2.10 toward TCP 203.0.113.9:443 is taken (2 of 2)"));
}

TEST(Explain, AConversationThatIsOverGivesWay) {
  FakeContext context{
      .agent =
          os::HttpAnswer{.status = 200, .body = R"({"verdict": "yes", "masqueraded": true, "limits": {"ports": 2}})"},
      .table = FakeTable(std::vector<Mapping>{mapping("10.0.1.5", 1), mapping("10.0.1.6", 2)})};
  context.table.mappings.back().gives_way = true;
  EXPECT_EQ(context.run({"explain", "10.0.1.7", "203.0.113.9", "--dport", "443"}), exit_done);
  EXPECT_EQ(
      context.out,
      "yes\n"
      "no port of 192.0.2.10 toward TCP 203.0.113.9:443 is free; 1 of 2 are of conversations that are over, which give "
      "way\n");
}

TEST(Explain, APodWithItsShareIsRefused) {
  FakeContext context{.agent = os::HttpAnswer{.status = 200, .body = R"({"verdict": "yes", "masqueraded": true,
                                      "limits": {"ports": 4, "mappings": 4}})"},
                      .table = FakeTable(std::vector<Mapping>{mapping("10.0.1.5", 1), mapping("10.0.1.5", 2)})};
  const auto ask = [&](const char* pod) {
    EXPECT_EQ(context.run({"explain", pod, "203.0.113.9", "--dport", "443"}), exit_done);
    return context.out;
  };
  EXPECT_THAT(ask("10.0.1.5"), Not(HasSubstr("share"))) << "netfilter has no shares";
  context.table.shares = true;
  EXPECT_THAT(
      ask("10.0.1.5"),
      AllOf(HasSubstr(
                "now dropped: the pod has its share of the ports of 192.0.2.10 toward TCP 203.0.113.9:443: 2 of 4\n"),
            HasSubstr("now dropped: the pod has its share of the table: 2 of 4 mappings\n")));
  EXPECT_EQ(ask("10.0.1.6"), "yes\n") << "two of each are free";
  context.table.mappings.front().gives_way = true;
  EXPECT_THAT(ask("10.0.1.5"), Not(HasSubstr("share of the ports"))) << "its own port comes back";
}

TEST(Explain, WhereNothingIsMasqueradedNothingIsInTheWay) {
  FakeContext context{.agent = os::HttpAnswer{.status = 200, .body = R"({"verdict": "not", "masqueraded": false})"},
                      .table = FakeTable(std::vector<Mapping>{mapping("10.0.1.5", 1)})};
  EXPECT_EQ(context.run({"explain", "10.0.1.5", "203.0.113.9"}), exit_done);
  EXPECT_EQ(context.out, "not\n1 mapping exists: existing connections keep their original decision\n");
  context.table.is_pinned = false;
  EXPECT_EQ(context.run({"explain", "10.0.1.5", "203.0.113.9"}), exit_done);
  EXPECT_EQ(context.out, "not\n");
}

struct Row {
  std::vector<std::string> words;
  const char* error;
};

TEST(Explain, AWrongValueIsNamed) {
  FakeContext context{.agent = os::HttpAnswer{.status = 200, .body = masqueraded}};
  const Row rows[] = {
      {{"x", "8.8.8.8"}, "masq: SRC: \"x\": an address is expected\n"},
      {{"10.0.1.5", "8.8.8.0/24"}, "masq: DST: \"8.8.8.0/24\": an address is expected\n"},
      {{"10.0.1.5", "8.8.8.8", "--dport", "0"}, "masq: --dport: \"0\": a port from 1 to 65535 is expected\n"},
      {{"10.0.1.5", "8.8.8.8", "--dport", "80", "--proto", "icmp"}, "masq: --dport: 80: ICMP has no ports\n"}};
  for (const auto& row : rows) {
    std::vector<std::string> words = {"explain"};
    words.insert(words.end(), row.words.begin(), row.words.end());
    EXPECT_EQ(context.run(words), exit_wrong_use);
    EXPECT_EQ(context.err, row.error);
  }
  EXPECT_EQ(context.run({"explain", "10.0.1.5"}), exit_wrong_use);
}

TEST(Explain, TheAgentsRefusalIsPassedOn) {
  FakeContext context;
  EXPECT_EQ(context.run({"explain", "10.0.1.5", "8.8.8.8"}), exit_no_agent);
  context.agent = os::HttpAnswer{.status = 503, .body = R"({"error": "nothing is applied yet"})"};
  EXPECT_EQ(context.run({"explain", "10.0.1.5", "8.8.8.8"}), exit_failed);
  EXPECT_EQ(context.err, "masq: nothing is applied yet\n");
  context.agent = os::HttpAnswer{.status = 400, .body = R"({"error": "protocol: no"})"};
  EXPECT_EQ(context.run({"explain", "10.0.1.5", "8.8.8.8"}), exit_wrong_use);
}

}  // namespace
}  // namespace masq::cli
