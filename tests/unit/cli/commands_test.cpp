// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>

#include <algorithm>
#include <cstddef>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "cli/command.hpp"
#include "cli/command_line.hpp"
#include "datapath/datapath.hpp"
#include "model/desired.hpp"
#include "model/desired_json.hpp"
#include "os/http_client.hpp"
#include "unit/cli/fake_context.hpp"
#include "unit/words.hpp"

namespace masq::cli {
namespace {

using ::testing::HasSubstr;

Mapping tcp_mapping() {
  return {.protocol = IPPROTO_TCP,
          .pod = "10.0.1.5"_ip,
          .pod_port = 40000,
          .remote = "203.0.113.9"_ip,
          .remote_port = 443,
          .external = "192.0.2.10"_ip,
          .external_port = 40000,
          .state = "established",
          .age_seconds = 12,
          .idle_seconds = 3};
}

Mapping udp6_mapping() {
  return {.protocol = IPPROTO_UDP,
          .pod = "fd00::5"_ip,
          .pod_port = 53,
          .remote = "2001:db8:1::1"_ip,
          .remote_port = 53,
          .external = "2001:db8::10"_ip,
          .external_port = 1024,
          .state = "new"};
}

TEST(NatList, OneMappingALine) {
  FakeContext context{.table = FakeTable(std::vector<Mapping>{tcp_mapping(), udp6_mapping()})};
  EXPECT_EQ(context.run({"bpf", "nat", "list"}), exit_done);
  EXPECT_EQ(context.out,
            "TCP 10.0.1.5:40000 -> 203.0.113.9:443 XLATE_SRC 192.0.2.10:40000 state=established age=12s idle=3s\n"
            "UDP [fd00::5]:53 -> [2001:db8:1::1]:53 XLATE_SRC [2001:db8::10]:1024 state=new age=0s idle=0s\n");
}

TEST(NatList, AsOneJsonDocument) {
  FakeContext context{.table = FakeTable(std::vector<Mapping>{tcp_mapping(), udp6_mapping()})};
  EXPECT_EQ(context.run({"bpf", "nat", "list", "-o", "json"}), exit_done);
  const auto list = nlohmann::json::parse(context.out);
  ASSERT_EQ(list.size(), 2u);
  EXPECT_EQ(list[0], nlohmann::json::parse(R"({"protocol": "TCP", "pod": {"address": "10.0.1.5", "port": 40000},
      "remote": {"address": "203.0.113.9", "port": 443}, "external": {"address": "192.0.2.10", "port": 40000},
      "state": "established", "ageSeconds": 12, "idleSeconds": 3})"));
}

TEST(NatList, NothingThere) {
  FakeContext context;
  EXPECT_EQ(context.run({"bpf", "nat", "list"}), exit_done);
  EXPECT_EQ(context.out, "");
  EXPECT_EQ(context.err, "No entries found.\n");
  EXPECT_EQ(context.run({"-o", "json", "bpf", "nat", "list"}), exit_done);
  EXPECT_EQ(context.out, "[]\n");
}

struct SelectionRow {
  std::vector<std::string> options;
  std::size_t lines;
};

TEST(NatList, ShowsWhatWasAskedFor) {
  FakeContext context{.table = FakeTable(std::vector<Mapping>{tcp_mapping(), udp6_mapping()})};
  const SelectionRow rows[] = {{{"--pod", "10.0.1.5"}, 1},
                               {{"--pod", "10.0.0.0/16"}, 1},
                               {{"--pod", "10.0.1.6"}, 0},
                               {{"--dst", "2001:db8:1::/48"}, 1},
                               {{"--dst", "0.0.0.0/0"}, 1},
                               {{"--proto", "tcp"}, 1},
                               {{"--proto", "UDP"}, 1},
                               {{"--proto", "6"}, 1},
                               {{"--proto", "icmp"}, 0},
                               {{"--state", "new"}, 1},
                               {{"--state", "new", "--proto", "tcp"}, 0},
                               {{}, 2}};
  for (const auto& row : rows) {
    std::vector<std::string> words = {"bpf", "nat", "list"};
    words.insert(words.end(), row.options.begin(), row.options.end());
    EXPECT_EQ(context.run(words), exit_done);
    EXPECT_EQ(static_cast<std::size_t>(std::ranges::count(context.out, '\n')), row.lines)
        << ::testing::PrintToString(row.options);
    words.insert(words.end(), {"-o", "json"});
    EXPECT_EQ(context.run(words), exit_done);
    EXPECT_EQ(nlohmann::json::parse(context.out).size(), row.lines) << ::testing::PrintToString(row.options);
  }
}

TEST(NatList, IcmpIsThatOfBothFamilies) {
  FakeContext context{.table = FakeTable(std::vector<Mapping>{tcp_mapping(), udp6_mapping()})};
  context.table.mappings[0].protocol = IPPROTO_ICMP;
  context.table.mappings[1].protocol = IPPROTO_ICMPV6;
  EXPECT_EQ(context.run({"bpf", "nat", "list", "--proto", "icmp"}), exit_done);
  EXPECT_EQ(std::ranges::count(context.out, '\n'), 2);
  EXPECT_EQ(context.run({"bpf", "nat", "list", "--proto", "icmpv6"}), exit_done);
  EXPECT_EQ(std::ranges::count(context.out, '\n'), 1);
}

struct WrongValueRow {
  std::vector<std::string> words;
  const char* expected;
};

TEST(NatList, AWrongValueIsNamedInOneLine) {
  FakeContext context{.table = FakeTable(std::vector<Mapping>{tcp_mapping()})};
  const WrongValueRow rows[] = {
      {{"--pod", "x"}, "masq: --pod: \"x\": an address or a prefix is expected, such as 10.0.1.5 or 10.0.1.0/24\n"},
      {{"--pod", ""}, "masq: --pod: \"\": an address or a prefix is expected, such as 10.0.1.5 or 10.0.1.0/24\n"},
      {{"--dst", "10.0.0.0/33"},
       "masq: --dst: \"10.0.0.0/33\": an address or a prefix is expected, such as 10.0.1.5 or 10.0.1.0/24\n"},
      {{"--proto", "256"},
       "masq: --proto: \"256\": a protocol is expected: tcp, udp, icmp, icmpv6 or a number from 0 to 255\n"},
      {{"--state", "open"}, "masq: --state: \"open\": one of new, established, closing is expected\n"},
  };
  for (const auto& row : rows) {
    std::vector<std::string> words = {"bpf", "nat", "list"};
    words.insert(words.end(), row.words.begin(), row.words.end());
    EXPECT_EQ(context.run(words), exit_wrong_use);
    EXPECT_EQ(context.err, row.expected);
    EXPECT_EQ(context.out, "");
  }
  for (const auto& words : std::vector<std::vector<std::string>>{
           {"bpf", "nat", "list", "--pod"}, {"bpf", "nat", "list", "--pod="}, {"status", "--pod", "10.0.1.5"}})
    EXPECT_EQ(context.run(words), exit_wrong_use) << ::testing::PrintToString(words);
}

Mapping bypassed_connection() {
  auto mapping = tcp_mapping();
  mapping.external = Address();
  mapping.external_port = 0;
  mapping.remote = "10.9.0.1"_ip;
  mapping.bypass_reason = "ip_masq_agent";
  return mapping;
}

TEST(NatFlush, EndsWhatIsNamed) {
  FakeContext context{.table = FakeTable(std::vector<Mapping>{tcp_mapping(), udp6_mapping(), bypassed_connection()})};
  EXPECT_EQ(context.run({"bpf", "nat", "flush", "--pod", "10.0.1.9"}), exit_done);
  EXPECT_EQ(context.out, "0 mappings ended\n");
  EXPECT_EQ(context.run({"bpf", "nat", "flush", "--pod", "fd00::5", "--dst", "2001:db8::/32"}), exit_done);
  EXPECT_EQ(context.out, "1 mapping ended\n");
  EXPECT_EQ(context.run({"bpf", "nat", "flush"}), exit_done);
  EXPECT_EQ(context.out, "1 mapping ended\n1 connection without masquerading will be decided again\n");
  EXPECT_EQ(context.run({"bpf", "nat", "flush", "-o", "json"}), exit_done);
  EXPECT_EQ(nlohmann::json::parse(context.out), nlohmann::json::parse(R"({"mappingsEnded":0,"bypassedCleared":0})"));
}

TEST(NatFlush, StaleIsWhatTheAgentWouldDecideOtherwise) {
  Desired today;
  today.ipv4.sources = cidrs("10.0.0.0/8");
  today.ipv4.rules = {{"203.0.113.0/24"_cidr, Decision::exclude_ip_masq_agent}};
  today.uplinks = {{.ifindex = 2, .name = "eth0", .ipv4 = {"192.0.2.10"_ip}, .ipv6 = {"2001:db8::10"_ip}}};
  today.ipv6.sources = cidrs("fd00::/8");
  today.ports = {{1024, 65535}};
  FakeContext context{.agent = os::HttpAnswer{.status = 200, .body = desired_to_json(today).dump()},
                      .table = FakeTable(std::vector<Mapping>{tcp_mapping(), udp6_mapping(), bypassed_connection()})};
  EXPECT_EQ(context.run({"bpf", "nat", "flush", "--stale"}), exit_done);
  EXPECT_EQ(context.out, "1 mapping ended\n");
  EXPECT_EQ(context.table.mappings.size(), 2u);
}

TEST(NatFlush, NothingIsEndedByMistake) {
  FakeContext context{.table = FakeTable(std::vector<Mapping>{tcp_mapping()})};
  EXPECT_EQ(context.run({"bpf", "nat", "flush", "--stale"}), exit_no_agent);
  EXPECT_EQ(context.err,
            "masq: --stale: the agent is not reachable: connect to /run/masq.sock: No such file or directory\n");
  context.agent = os::HttpAnswer{.status = 200, .body = "{}"};
  EXPECT_EQ(context.run({"bpf", "nat", "flush", "--stale"}), exit_failed);
  EXPECT_EQ(context.run({"bpf", "nat", "flush", "--pod", ""}), exit_wrong_use);
  EXPECT_EQ(context.run({"bpf", "nat", "flush", "10.0.1.5"}), exit_wrong_use);
  EXPECT_EQ(context.table.mappings.size(), 1u);
  context.table.is_pinned = false;
  EXPECT_EQ(context.run({"bpf", "nat", "flush"}), exit_failed);
}

TEST(IpMasqList, SortedWithTheCarvedOutMarked) {
  FakeContext context{
      .table = FakeTable(std::vector<IpMasqEntry>{{.cidr = "10.0.0.0/8"_cidr},
                                                  {.cidr = "10.5.0.0/16"_cidr, .masquerade = true},
                                                  {.cidr = "2001:db8:1234:5678::/64"_cidr, .masquerade = true},
                                                  {.cidr = "fe80::/10"_cidr}})};
  const auto expected =
      "IP PREFIX/ADDRESS\n"
      "10.0.0.0/8\n"
      "10.5.0.0/16               masquerade\n"
      "2001:db8:1234:5678::/64   masquerade\n"
      "fe80::/10\n";
  for (const char* word : {"list", "ls"}) {
    EXPECT_EQ(context.run({"bpf", "ipmasq", word}), exit_done);
    EXPECT_EQ(context.out, expected);
  }
}

TEST(IpMasqList, AsJson) {
  FakeContext context{.table = FakeTable(std::vector<IpMasqEntry>{{.cidr = "10.5.0.0/16"_cidr, .masquerade = true}})};
  EXPECT_EQ(context.run({"bpf", "ipmasq", "list", "-o", "json"}), exit_done);
  EXPECT_EQ(nlohmann::json::parse(context.out).dump(), R"([{"cidr":"10.5.0.0/16","masquerade":true}])");
}

// In a container with the least rights.
TEST(IpMasqList, OfTheAgentWhereTheKernelsCannotBeRead) {
  FakeContext context{.table = FakeTable::missing()};
  context.agent = os::HttpAnswer{
      .status = 200,
      .body = R"({"entries":[{"cidr":"10.0.0.0/8","masquerade":false},{"cidr":"10.5.0.0/16","masquerade":true}]})"};
  EXPECT_EQ(context.run({"bpf", "ipmasq", "list"}), exit_done);
  EXPECT_EQ(context.out, "IP PREFIX/ADDRESS\n10.0.0.0/8\n10.5.0.0/16         masquerade\n");
  context.agent = os::HttpAnswer{.status = 200, .body = R"({"entries":[{"cidr":"x"}]})"};
  EXPECT_EQ(context.run({"bpf", "ipmasq", "list"}), exit_failed);
}

TEST(IpMasqList, NothingThere) {
  FakeContext context;
  EXPECT_EQ(context.run({"bpf", "ipmasq", "list"}), exit_done);
  EXPECT_EQ(context.out, "");
  EXPECT_EQ(context.err, "No entries found.\n");
}

TEST(Lists, NothingPinnedIsAFailure) {
  FakeContext context{.table = FakeTable::missing()};
  for (const char* what : {"nat", "ipmasq"})
    for (const char* format : {"text", "json"}) {
      EXPECT_EQ(context.run({"bpf", what, "list", "-o", format}), exit_failed);
      EXPECT_EQ(context.out, "");
      EXPECT_EQ(context.err, "masq: nothing of masq is pinned in /bpf/masq\n");
    }
}

TEST(ConfigCheck, CountsWhatAGoodFileSays) {
  FakeContext context{.files = {{"/f", "nonMasqueradeCIDRs: [10.1.2.3/8]\nmasqueradeCIDRs: [10.5.0.0/16]\n"}}};
  EXPECT_EQ(context.run({"config", "check", "/f"}), exit_done);
  EXPECT_EQ(context.out, "/f: ok: 3 not masqueraded, 1 masqueraded\n");
  EXPECT_THAT(context.err, HasSubstr("10.0.0.0/8"));
  EXPECT_EQ(context.run({"config", "check", "/f", "-o", "json"}), exit_done);
  EXPECT_EQ(nlohmann::json::parse(context.out)["masqueradeCIDRs"][0], "10.5.0.0/16");
}

TEST(ConfigCheck, NamesFileLineAndValueOfABadOne) {
  FakeContext context{.files = {{"/etc/config/ip-masq-agent", "nonMasqueradeCIDRs:\n- 10.0.0.0/8\n- nonsense\n"}}};
  EXPECT_EQ(context.run({"config", "check"}), exit_failed);
  EXPECT_THAT(context.err, HasSubstr("masq: /etc/config/ip-masq-agent: line 3: "));
  EXPECT_THAT(context.err, HasSubstr("nonsense"));
  EXPECT_EQ(context.run({"config", "check", "-o", "json"}), exit_failed);
  EXPECT_EQ(nlohmann::json::parse(context.out)["ok"], false);
  EXPECT_EQ(context.run({"config", "check", "/none"}), exit_failed);
}

TEST(ConfigShow, HasALineForEachOptionAndRemarks) {
  FakeContext context;
  context.agent = {.status = 200, .body = R"({"options": [
    {"key": "devices", "value": "", "source": "default", "meaning": "detected", "change": "live"},
    {"key": "node-addresses", "value": "", "source": "default", "meaning": "", "change": "live"},
    {"key": "log-format", "value": "text", "source": "default", "change": "restart",
     "afterRestart": {"value": "json", "source": "flag --log-format"}},
    {"key": "nat-max-mappings", "value": "4096", "source": "masqd.yaml: line 3", "change": "program",
     "withoutEffect": true}]})"};
  EXPECT_EQ(context.run({"config", "show"}), exit_done);
  EXPECT_EQ(context.asked, "/v1/options");
  EXPECT_EQ(context.out, R"(OPTION            VALUE       SOURCE              CHANGE
devices           (detected)  default             live
node-addresses    (none)      default             live
log-format        text        default             restart
nat-max-mappings  4096        masqd.yaml: line 3  program
log-format: "json" (flag --log-format) needs a restart of masqd
nat-max-mappings: no effect with this datapath
)");
  EXPECT_EQ(context.run({"config", "show", "-o", "json"}), exit_done);
  EXPECT_EQ(nlohmann::json::parse(context.out), nlohmann::json::parse(context.agent->body));
  context.agent.reset();
  EXPECT_EQ(context.run({"config", "show"}), exit_no_agent);
}

TEST(CommandLine, WrongUseEndsWithTwoAndOneLine) {
  FakeContext context;
  const std::vector<std::vector<std::string>> wrong = {{},
                                                       {"stat"},
                                                       {"bpf"},
                                                       {"bpf", "nat"},
                                                       {"bpf", "nat", "lost"},
                                                       {"status", "--no-such-flag"},
                                                       {"watch"},
                                                       {"config", "check", "a", "b"},
                                                       {"status", "-o", "xml"}};
  for (const auto& words : wrong) {
    EXPECT_EQ(context.run(words), exit_wrong_use) << ::testing::PrintToString(words);
    EXPECT_EQ(context.err.find('\n'), std::string::npos) << context.err;
  }
}

TEST(CommandLine, FlagsMayStandBeforeAndAfterTheCommand) {
  const std::vector<std::vector<std::string>> same = {
      {"--socket-path", "/s", "--bpf-root", "/b", "-o", "json", "bpf", "nat", "list"},
      {"bpf", "nat", "list", "--socket-path", "/s", "--bpf-root=/b", "--output", "json"}};
  for (const auto& words : same) {
    const auto request = parse_request(words).value();
    ASSERT_NE(request.command, nullptr);
    EXPECT_EQ(request.command->words, "bpf nat list");
    EXPECT_EQ(request.socket_path, "/s");
    EXPECT_EQ(request.bpf_root, "/b");
    EXPECT_TRUE(request.arguments.json);
  }
}

TEST(CommandLine, TheEnvironmentStandsInForFlags) {
  setenv("MASQ_SOCKET_PATH", "/from/environment", 1);
  EXPECT_EQ(parse_request(std::vector<std::string>{"status"})->socket_path, "/from/environment");
  EXPECT_EQ(parse_request(std::vector<std::string>{"status", "--socket-path", "/flag"})->socket_path, "/flag");
  unsetenv("MASQ_SOCKET_PATH");
  EXPECT_EQ(parse_request(std::vector<std::string>{"status"})->socket_path, "/run/masq/masq.sock");
}

TEST(CommandLine, HelpAndVersion) {
  FakeContext context;
  EXPECT_EQ(context.run({"--help"}), exit_done);
  EXPECT_THAT(context.out, HasSubstr("status"));
  EXPECT_EQ(context.run({"bpf", "--help"}), exit_done);
  EXPECT_THAT(context.out, HasSubstr("ipmasq"));
  EXPECT_EQ(context.run({"--version"}), exit_done);
  EXPECT_EQ(context.out, fmt::format("masq {}\n", MASQ_VERSION));
}

}  // namespace
}  // namespace masq::cli
