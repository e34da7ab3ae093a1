// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gmock/gmock.h>

#include <algorithm>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "cli/command.hpp"
#include "cli/doctor/check.hpp"
#include "cli/doctor/forward_chains.hpp"
#include "model/finding.hpp"
#include "model/options/values.hpp"
#include "unit/cli/fake_context.hpp"

namespace masq::cli {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;
using Json = nlohmann::ordered_json;

constexpr auto sound_node = R"({
  "datapath": {"name": "BPF"}, "masquerading": {"devices": [{"name": "eth0"}]},
  "podCidrs": [{"cidr": "172.17.0.0/16", "origin": "the bridge docker0"},
               {"cidr": "fd00:17::/64", "origin": "the bridge docker0"}],
  "mappings": [{"family": "ipv4", "used": 89, "max": 100}],
  "limits": {"mappings": 100, "mappingsPerPod": 3, "ports": 3, "portRanges": ["20000-20002"]},
  "packets": [{"family": "ipv4", "direction": "egress", "reason": "table_full", "drop": true, "packets": 7},
              {"family": "ipv4", "direction": "egress", "reason": "malformed", "drop": true, "packets": 1}],
  "findings": [], "problems": [], "notes": []})";

Mapping mapping_of(const char* pod, std::uint16_t external_port) {
  return {.protocol = 6,
          .pod = *Address::parse(pod),
          .pod_port = 5000,
          .remote = *Address::parse("203.0.113.9"),
          .remote_port = 443,
          .external = *Address::parse("192.0.2.10"),
          .external_port = external_port};
}

class DoctorTest : public ::testing::Test {
 protected:
  Json status = Json::parse(sound_node), later = status;
  Json options = {{"options", {{{"key", "bpf-root"}, {"value", "/sys/fs/bpf"}}}}};
  FakeContext fake;
  std::map<std::string, std::string> programs = {{"nft list chains", ""}};
  bool is_clock_synchronised = true;
  bool has_agent = true;

  DoctorTest() {
    fake.files = {{"/proc/self/mountinfo",
                   "25 20 0:5 / /proc rw - proc proc rw\n"
                   "31 25 0:27 / /sys/fs/bpf rw shared:9 - bpf bpf rw,mode=700\n"},
                  {"/proc/sys/kernel/osrelease", "6.1.0-28-amd64\n"},
                  {"/proc/sys/net/core/bpf_jit_enable", "1\n"},
                  {"/sys/class/net/eth0/mtu", "1500\n"},
                  {"/sys/class/net/docker0/mtu", "1500\n"}};
  }
  int run(bool json) {
    auto context = fake.context();
    bool has_waited = false;
    context.query_agent = [&](std::string_view target) -> Result<os::HttpAnswer> {
      if (!has_agent) return fail("connect to /run/masq.sock: No such file or directory");
      return os::HttpAnswer{.status = 200,
                            .body = (target == "/v1/options" ? options
                                     : has_waited            ? later
                                                             : status)
                                        .dump()};
    };
    context.node = {.run_program = [this](const auto& words) -> Result<std::string> {
                      const auto program = fmt::format("{}", fmt::join(words, " "));
                      if (!programs.contains(program)) return fail("{}: not found", program);
                      return programs[program];
                    },
                    .is_clock_synchronised = [this] { return is_clock_synchronised; },
                    .wait = [&](auto) { has_waited = true; }};
    fake.out.clear();
    return diagnose(context, {.json = json});
  }
  // The checks that are not ok: "NAME: LEVEL: TEXT: REMEDY".
  std::vector<std::string> remarks() {
    run(true);
    const auto report = Json::parse(fake.out);
    std::vector<std::string> lines;
    for (const auto& check : report["checks"])
      for (const auto& remark : check["remarks"])
        lines.push_back(fmt::format("{}: {}: {}: {}", check["name"].get<std::string>(),
                                    remark["level"].get<std::string>(), remark["text"].get<std::string>(),
                                    remark["remedy"].get<std::string>()));
    return lines;
  }
};

TEST_F(DoctorTest, ASoundNodeHasNoFault) {
  EXPECT_EQ(run(false), exit_done);
  EXPECT_THAT(fake.out, StartsWith("ok       agent\nok       configuration\n"));
  EXPECT_THAT(fake.out, HasSubstr("\n25 checks, 0 with a fault\n"));
  EXPECT_THAT(remarks(), IsEmpty());
}

TEST_F(DoctorTest, AFaultHasItsRemedyAndEndsWithOne) {
  fake.files["/proc/sys/net/core/bpf_jit_enable"] = "0\n";
  EXPECT_EQ(run(false), exit_failed);
  EXPECT_THAT(fake.out,
              HasSubstr("fault    JIT compiler: net.core.bpf_jit_enable is 0: BPF programs are interpreted, and "
                        "slow\n         mend: sysctl -w net.core.bpf_jit_enable=1, and restart masqd\n"));
  EXPECT_THAT(fake.out, HasSubstr("\n25 checks, 1 with a fault\n"));
  EXPECT_EQ(run(true), exit_failed);
  EXPECT_EQ(Json::parse(fake.out)["faults"], 1);
}

// Each kind of finding is the matter of one check, which shows it with its remedy.
TEST_F(DoctorTest, EveryFindingOfTheAgentIsShownByOneCheck) {
  for (const auto& row : finding_rows()) {
    status["findings"] = {{{"word", row.word},
                           {"severity", row.severity == Severity::problem ? "problem" : "note"},
                           {"text", "eth0: wrong"},
                           {"remedy", row.remedy}}};
    const auto found = remarks();
    ASSERT_EQ(found.size(), 1u) << row.word;
    EXPECT_THAT(found.front(),
                HasSubstr(row.severity == Severity::problem ? ": fault: eth0: wrong: " : ": note: eth0: "));
    std::string remedy(row.remedy);
    std::erase(remedy, '`');
    EXPECT_TRUE(found.front().ends_with(remedy)) << found.front();
    EXPECT_EQ(run(true), row.severity == Severity::problem ? exit_failed : exit_done) << row.word;
  }
}

TEST_F(DoctorTest, EveryWordOfAFindingExists) {
  for (const auto& check : checks()) {
    const std::string all(check.findings);
    for (const auto& word : values::words({&all, 1}))
      EXPECT_TRUE(std::ranges::any_of(finding_rows(), [&](const auto& row) { return row.word == word; })) << word;
  }
}

TEST_F(DoctorTest, WithoutMasqdTheRestIsUnknown) {
  has_agent = false;
  EXPECT_EQ(run(false), exit_failed);
  EXPECT_THAT(fake.out,
              StartsWith("fault    agent: the agent is not reachable: connect to /run/masq.sock: No such file or "
                         "directory\n         mend: start masqd"));
  EXPECT_THAT(fake.out, HasSubstr("unknown  uplinks: only masqd knows it\n"));
  EXPECT_THAT(fake.out, HasSubstr("\n25 checks, 1 with a fault\n"));
}

TEST_F(DoctorTest, AnOlderMasqdIsAFault) {
  status.erase("findings");
  EXPECT_THAT(remarks(), ElementsAre(StartsWith("agent: fault: masqd is older than masq")));
}

TEST_F(DoctorTest, ATableThatIsNearlyFullIsAFault) {
  status["mappings"][0]["used"] = 90;
  EXPECT_THAT(remarks(),
              ElementsAre(StartsWith("table of mappings: fault: ipv4: 90 of 100 mappings are used: raise ")));
}

TEST_F(DoctorTest, PodsAtTheirLimitAndDestinationsWithoutPortsAreFaults) {
  for (const std::uint16_t port : {20000, 20001, 20002}) fake.table.mappings.push_back(mapping_of("10.0.1.5", port));
  EXPECT_THAT(
      remarks(),
      ElementsAre(StartsWith("pods at their limit: fault: 10.0.1.5 has 3 of 3 mappings: find "),
                  StartsWith("ports toward destinations: fault: TCP 203.0.113.9:443 from 192.0.2.10: 3 of 3 ports "
                             "are used: add addresses")));
  for (auto& mapping : fake.table.mappings) mapping.gives_way = true;
  EXPECT_THAT(remarks(), ElementsAre(StartsWith("pods at their limit")));
}

TEST_F(DoctorTest, ATableThatCannotBeReadIsUnknown) {
  fake.table.is_pinned = false;
  EXPECT_THAT(remarks(), ElementsAre(StartsWith("pods at their limit: unknown: "),
                                     StartsWith("ports toward destinations: unknown: ")));
}

TEST_F(DoctorTest, PacketsThatAreDroppedNowAreAFault) {
  later["packets"][0]["packets"] = 9;
  later["packets"][1]["packets"] = 5;
  EXPECT_THAT(remarks(),
              ElementsAre("drops: fault: ipv4 egress table_full: 2 packets in a second: raise nat-max-mappings"))
      << "a malformed packet is the fault of its sender";
}

TEST_F(DoctorTest, ABpfRootThatIsNoBpffsIsAFault) {
  options["options"][0]["value"] = "/run/masq/bpf";
  EXPECT_THAT(remarks(), ElementsAre(StartsWith("bpffs: fault: /run/masq/bpf is no bpffs here: ")));
}

TEST_F(DoctorTest, AnOldKernelIsANote) {
  fake.files["/proc/sys/kernel/osrelease"] = "5.10.0-33-amd64\n";
  EXPECT_THAT(remarks(), ElementsAre("kernel: note: Linux 5.10: masq is tested from 5.15 on: use a newer kernel"));
}

TEST_F(DoctorTest, OnlyTheBpfDatapathNeedsAKernelForBpf) {
  status["datapath"]["name"] = "nftables";
  fake.files["/proc/sys/kernel/osrelease"] = "5.10.0-33-amd64\n";
  fake.files["/proc/sys/net/core/bpf_jit_enable"] = "0\n";
  fake.files["/proc/self/mountinfo"] = "";
  EXPECT_THAT(remarks(), IsEmpty());
}

TEST_F(DoctorTest, APodsMtuAboveTheUplinksIsANote) {
  fake.files["/sys/class/net/eth0/mtu"] = "1400\n";
  EXPECT_THAT(remarks(),
              ElementsAre("MTU: note: packets of docker0 may have 1500 bytes, those of eth0 1400: containers "
                          "depend on ICMP errors: set the MTU of docker0 and of its containers to 1400"));
}

TEST_F(DoctorTest, AClockThatNobodySetsIsANote) {
  is_clock_synchronised = false;
  EXPECT_THAT(remarks(), ElementsAre(StartsWith("clock: note: ")));
}

constexpr auto docker_drops = R"(# Warning: table ip filter is managed by iptables-nft, do not touch!
table ip filter {
	set known {
		elements = { 10.0.0.1,
			     10.0.0.2 }
	}

	chain INPUT {
		type filter hook input priority filter; policy drop;
	}

	chain FORWARD {
		type filter hook forward priority filter; policy drop;
		counter packets 3 bytes 180 jump DOCKER-USER
		ct state established,related counter packets 0 bytes 0 accept
	}

	chain DOCKER-USER {
	}
}
)";
constexpr auto firewalld_rejects = R"(table inet firewalld {
	chain filter_FORWARD {
		type filter hook forward priority filter + 10; policy accept;
		ct state { established, related } accept
		iifname "lo" accept
		ct state invalid drop
		reject with icmpx admin-prohibited
	}
}
)";

TEST(ForwardRules, FindsChainsThatDropWhatNoRuleAccepts) {
  EXPECT_THAT(dropping_chains(docker_drops), ElementsAre(DroppingChain{"ip filter", "FORWARD"}));
  EXPECT_THAT(dropping_chains(firewalld_rejects), ElementsAre(DroppingChain{"inet firewalld", "filter_FORWARD"}));
  EXPECT_THAT(dropping_chains("table ip a {\n\tchain b {\n\t\ttype filter hook forward priority 0; policy accept;\n"
                              "\t\tip saddr 10.0.0.0/8 drop\n\t}\n}\n"),
              IsEmpty());
  EXPECT_THAT(dropping_chains("table"), IsEmpty());
  EXPECT_THAT(dropping_chains("}\ntype filter hook forward priority 0;\ndrop"), ElementsAre(DroppingChain{"", ""}));
  EXPECT_THAT(tables_on_forward_hook(std::string(docker_drops) + firewalld_rejects),
              ElementsAre("ip filter", "inet firewalld"));
}

TEST(ForwardRules, TheRemedyIsOfTheProductThatMadeTheChain) {
  const DroppingChain iptables{"ip filter", "FORWARD"};
  const std::string cidr = "172.17.0.0/16";
  EXPECT_THAT(remedy_for(iptables, docker_drops, cidr),
              StartsWith("iptables -I DOCKER-USER -s 172.17.0.0/16 -j ACCEPT"));
  EXPECT_THAT(remedy_for(iptables, "", cidr), StartsWith("iptables -I FORWARD -s 172.17.0.0/16 -j ACCEPT"));
  EXPECT_THAT(remedy_for({"ip6 filter", "FORWARD"}, "", "fd00::/64"), StartsWith("ip6tables -I FORWARD -s fd00::/64 "));
  EXPECT_EQ(remedy_for(iptables, "\tchain ufw-before-forward {\n", cidr), "ufw route allow from 172.17.0.0/16");
  EXPECT_THAT(remedy_for({"inet firewalld", "filter_FORWARD"}, firewalld_rejects, cidr), StartsWith("firewall-cmd "));
  EXPECT_THAT(remedy_for({"inet mine", "way"}, "", "fd00::/64"),
              StartsWith("nft insert rule inet mine way ip6 saddr fd00::/64 accept; "));
}

TEST_F(DoctorTest, AForwardChainThatDropsPodsIsAFault) {
  programs["nft list chains"] = std::string(docker_drops) + firewalld_rejects;
  programs["nft list table ip filter"] = docker_drops;
  programs["nft list table inet firewalld"] = firewalld_rejects;
  EXPECT_THAT(
      remarks(),
      ElementsAre(StartsWith("forward rules: fault: chain FORWARD of table ip filter drops what no rule accepts, and "
                             "no rule of the table names 172.17.0.0/16: iptables -I DOCKER-USER "),
                  StartsWith("forward rules: fault: chain filter_FORWARD of table inet firewalld "),
                  HasSubstr("names fd00:17::/64: firewall-cmd ")));
  programs["nft list table ip filter"] += "\t\tiifname \"docker0\" accept\n";
  programs["nft list table inet firewalld"] += "ip saddr { 10.0.0.0/8, 172.16.0.0/12, 0.0.0.0/0 } accept";
  EXPECT_THAT(remarks(), ElementsAre(HasSubstr("names fd00:17::/64: firewall-cmd "))) << "IPv6 is not named there";
}

TEST_F(DoctorTest, WithoutNftTheForwardRulesAreUnknown) {
  programs.clear();
  EXPECT_THAT(remarks(), ElementsAre("forward rules: unknown: nft list chains: not found: "));
  EXPECT_EQ(run(true), exit_done);
}

}  // namespace
}  // namespace masq::cli
