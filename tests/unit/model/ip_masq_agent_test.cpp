// SPDX-License-Identifier: Apache-2.0
#include "model/ip_masq_agent.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <cstddef>
#include <string>
#include <string_view>

#include "base/cidr.hpp"
#include "unit/words.hpp"  // IWYU pragma: keep (PrintTo)

namespace masq {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::StartsWith;

constexpr std::string_view defaults =
    "10.0.0.0/8 100.64.0.0/10 169.254.0.0/16 172.16.0.0/12 192.0.0.0/24 192.0.2.0/24 192.88.99.0/24 192.168.0.0/16 "
    "198.18.0.0/15 198.51.100.0/24 203.0.113.0/24 240.0.0.0/4 fe80::/10";
constexpr std::string_view link_locals = "169.254.0.0/16 fe80::/10";

TEST(IpMasqAgent, NoFileOrABlankOneIsTheDefaults) {
  EXPECT_EQ(join(default_ip_masq_agent().non_masquerade), defaults);
  EXPECT_THAT(default_ip_masq_agent().masquerade, IsEmpty());
  EXPECT_THAT(default_ip_masq_agent().warnings, IsEmpty());
  for (const auto* const text : {"", "\n\n", "# nonMasqueradeCIDRs: []\n", "  \t\n# x"})
    EXPECT_EQ(parse_ip_masq_agent(text), default_ip_masq_agent()) << text;
}

TEST(IpMasqAgent, ReadsYamlAndJson) {
  struct Case {
    std::string text, excluded, masqueraded;
  };
  const Case cases[] = {
      {"nonMasqueradeCIDRs:\n- 10.0.0.0/8\n", "10.0.0.0/8 169.254.0.0/16 fe80::/10", ""},
      {"nonMasqueradeCIDRs: [10.0.0.0/8, fd00::/8]", "10.0.0.0/8 169.254.0.0/16 fd00::/8 fe80::/10", ""},
      {"{\"nonMasqueradeCIDRs\":[\"10.0.0.0/8\"],\"masqLinkLocal\":true}", "10.0.0.0/8 fe80::/10", ""},
      {" \n {\n\t\"nonMasqueradeCIDRs\": [\n\t\t\"10.0.0.0\\/8\"\n\t]\n}\n", "10.0.0.0/8 169.254.0.0/16 fe80::/10", ""},
      {"NONMASQUERADECIDRS: [10.0.0.0/8]\nmasqlinklocalIPV6: true", "10.0.0.0/8 169.254.0.0/16", ""},
      {"nonMasqueradeCIDRs: ['10.0.0.0/8']\nmasqLinkLocal: on\nmasqLinkLocalIPv6: YES", "10.0.0.0/8", ""},
      {"nonMasqueradeCIDRs: [10.0.0.0/8]\nmasqLinkLocal: ~", "10.0.0.0/8 169.254.0.0/16 fe80::/10", ""},
      {"nonMasqueradeCIDRs: [10.0.0.0/8]\nresyncInterval: 60s\ncidrLimit: 64\n", "10.0.0.0/8 169.254.0.0/16 fe80::/10",
       ""},
      {"nonMasqueradeCIDRs: [10.0.0.0/8]\nmasqueradeCIDRs: [10.1.0.0/16, 10.0.1.0/24]",
       "10.0.0.0/8 169.254.0.0/16 fe80::/10", "10.0.1.0/24 10.1.0.0/16"},
      {"nonMasqueradeCIDRs: [10.0.0.0/8, 9.0.0.0/8, 10.0.0.0/8, 169.254.0.0/16]",
       "9.0.0.0/8 10.0.0.0/8 169.254.0.0/16 fe80::/10", ""},
      {"nonMasqueradeCIDRs: [0.0.0.0/0]", "0.0.0.0/0 169.254.0.0/16 fe80::/10", ""},
  };
  for (const auto& [text, excluded, masqueraded] : cases) {
    const auto agent = parse_ip_masq_agent(text);
    ASSERT_TRUE(agent) << text << '\n' << agent.error().message;
    EXPECT_EQ(join(agent->non_masquerade), excluded) << text;
    EXPECT_EQ(join(agent->masquerade), masqueraded) << text;
    EXPECT_THAT(agent->warnings, IsEmpty()) << text;
  }
}

TEST(IpMasqAgent, WithoutACidrOnlyLinkLocalsAreExcluded) {
  for (const auto* const text : {"{}", "nonMasqueradeCIDRs: []", "nonMasqueradeCIDRs:\n", "nonMasqueradeCIDRs: null",
                                 "resyncInterval: 60s", "masqueradeCIDRs: [10.0.0.0/8]"}) {
    const auto agent = parse_ip_masq_agent(text);
    ASSERT_TRUE(agent) << text;
    EXPECT_EQ(join(agent->non_masquerade), link_locals) << text;
    EXPECT_THAT(agent->warnings, ElementsAre("no nonMasqueradeCIDRs: only link-local destinations are excluded"));
  }
  const auto nothing = parse_ip_masq_agent("masqLinkLocal: true\nmasqLinkLocalIPv6: true\n");
  ASSERT_TRUE(nothing);
  EXPECT_THAT(nothing->non_masquerade, IsEmpty());
  EXPECT_THAT(nothing->warnings, ElementsAre("no nonMasqueradeCIDRs: no destination is excluded"));
}

TEST(IpMasqAgent, WarnsOfWhatItPassesOver) {
  const auto agent =
      parse_ip_masq_agent("nonMasqueradeCIDRs:\n- 10.1.2.3/8\n- fd00::1/8\nmasqueradeAll: true\nx: [1]\n");
  ASSERT_TRUE(agent);
  EXPECT_EQ(join(agent->non_masquerade), "10.0.0.0/8 169.254.0.0/16 fd00::/8 fe80::/10");
  EXPECT_THAT(agent->warnings,
              ElementsAre("line 2: nonMasqueradeCIDRs: 10.1.2.3/8: host bits cleared, 10.0.0.0/8 is used",
                          "line 3: nonMasqueradeCIDRs: fd00::1/8: host bits cleared, fd00::/8 is used",
                          "line 4: \"masqueradeAll\": unknown key, ignored", "line 5: \"x\": unknown key, ignored"));
}

TEST(IpMasqAgent, RefusesAMisspeltKey) {
  EXPECT_EQ(parse_ip_masq_agent("nonMasqueradeCIDR:\n- 10.0.0.0/8\n").error().message,
            "line 1: \"nonMasqueradeCIDR\": unknown key; is nonMasqueradeCIDRs meant?");
  EXPECT_EQ(parse_ip_masq_agent("masqLinkLokalIPv6: true\n").error().message,
            "line 1: \"masqLinkLokalIPv6\": unknown key; is masqLinkLocalIPv6 meant?");
}

TEST(IpMasqAgent, WarningsAreBounded) {
  std::string text = "nonMasqueradeCIDRs:\n";
  for (int i = 0; i < 100; ++i) text += "- 10.0.0.1/8\n";
  const auto agent = parse_ip_masq_agent(text);
  ASSERT_TRUE(agent);
  ASSERT_EQ(agent->warnings.size(), 21U);
  EXPECT_EQ(agent->warnings.back(), "and 80 more warnings");
}

TEST(IpMasqAgent, RefusesTheWholeFileForOneError) {
  struct Case {
    std::string text, expected;
  };
  const Case cases[] = {
      {"nonMasqueradeCIDRs:\n- 10.0.0.0/8\n- null\n", "line 3: nonMasqueradeCIDRs: null: a CIDR is expected"},
      {"nonMasqueradeCIDRs:\n- 10.0.0.0/8\n-\n", "line 3: nonMasqueradeCIDRs: null: a CIDR is expected"},
      {"nonMasqueradeCIDRs:\n-\n-\n", "line 2: nonMasqueradeCIDRs: null: a CIDR is expected"},
      {"nonMasqueradeCIDRs:\n- 10.0.0.0/8\n- # later\n\nmasqLinkLocal: true\n",
       "line 3: nonMasqueradeCIDRs: null: a CIDR is expected"},
      {"nonMasqueradeCIDRs:\n  -", "line 2: nonMasqueradeCIDRs: null: a CIDR is expected"},
      {"nonMasqueradeCIDRs: [~]", "line 1: nonMasqueradeCIDRs: null: a CIDR is expected"},
      {"nonMasqueradeCIDRs: [10]", "line 1: nonMasqueradeCIDRs: \"10\": a CIDR is expected"},
      {"nonMasqueradeCIDRs: [true]", "line 1: nonMasqueradeCIDRs: \"true\": a CIDR is expected"},
      {"nonMasqueradeCIDRs: ['']", "line 1: nonMasqueradeCIDRs: \"\": a CIDR is expected"},
      {"nonMasqueradeCIDRs: [[10.0.0.0/8]]", "line 1: nonMasqueradeCIDRs: a list: a CIDR is expected"},
      {"nonMasqueradeCIDRs: [{a: b}]", "line 1: nonMasqueradeCIDRs: a map: a CIDR is expected"},
      {"nonMasqueradeCIDRs: [10.0.0.0/8,,]", "line 1: nonMasqueradeCIDRs: null: a CIDR is expected"},
      {"nonMasqueradeCIDRs:\n- 10.0.0.1\n",
       "line 2: nonMasqueradeCIDRs: \"10.0.0.1\": a CIDR is expected, write 10.0.0.1/32 for this one address"},
      {"masqueradeCIDRs: [fd00::1]", "line 1: masqueradeCIDRs: \"fd00::1\": a CIDR is expected, write fd00::1/128"},
      {"nonMasqueradeCIDRs: [10.0.0.0/33]",
       "line 1: nonMasqueradeCIDRs: \"10.0.0.0/33\": a prefix length from 0 to 32"},
      {"nonMasqueradeCIDRs: [fd00::/129]", "line 1: nonMasqueradeCIDRs: \"fd00::/129\": a prefix length from 0 to 128"},
      {"nonMasqueradeCIDRs: [10.0.0.0/-1]", "line 1: nonMasqueradeCIDRs: \"10.0.0.0/-1\": a prefix length"},
      {"nonMasqueradeCIDRs: [' 10.0.0.0/8']", "line 1: nonMasqueradeCIDRs: \" 10.0.0.0/8\": a CIDR is expected"},
      {"nonMasqueradeCIDRs: [example.org/8]", "line 1: nonMasqueradeCIDRs: \"example.org/8\": a CIDR is expected"},
      {"nonMasqueradeCIDRs: 10.0.0.0/8", "line 1: nonMasqueradeCIDRs: \"10.0.0.0/8\": a list of CIDRs is expected"},
      {"nonMasqueradeCIDRs: {10.0.0.0/8: x}", "line 1: nonMasqueradeCIDRs: a map: a list of CIDRs is expected"},
      {"x: y\nnonMasqueradeCIDRs:\n  10.0.0.0/8", "line 2: nonMasqueradeCIDRs: \"10.0.0.0/8\": a list of CIDRs"},
      {"masqLinkLocal: maybe", "line 1: masqLinkLocal: \"maybe\": true or false is expected"},
      {"masqLinkLocal: 'true'", "line 1: masqLinkLocal: \"true\": true or false is expected"},
      {"masqLinkLocalIPv6: 1", "line 1: masqLinkLocalIPv6: \"1\": true or false is expected"},
      {"masqLinkLocalIPv6: [true]", "line 1: masqLinkLocalIPv6: a list: true or false is expected"},
      {"nonMasqueradeCIDRs: []\nnonMasqueradeCIDRs: []", "line 2: nonMasqueradeCIDRs: given twice"},
      {"nonMasqueradeCIDRs: []\nnonmasqueradecidrs: []", "line 2: nonmasqueradecidrs: given twice, first in line 1"},
      {"nonMasqueradeCIDRs: &a [10.0.0.0/8]\nmasqueradeCIDRs: *a", "line 1: anchors"},
      {"nonMasqueradeCIDRs: !!seq [10.0.0.0/8]", "line 1: tags"},
      {"- 10.0.0.0/8", "line 1: a list: a map is expected"},
      {"10.0.0.0/8", "line 1: \"10.0.0.0/8\": a map is expected"},
      {"--- ~", "line 1: null: a map is expected"},
      {"null", "line 1: null: a map is expected"},
      {"nonMasqueradeCIDRs: [10.0.0.0/8", "line 1: "},
      {"nonMasqueradeCIDRs:\n  - 10.0.0.0/8\n - 11.0.0.0/8\n", "line "},
      {"nonMasqueradeCIDRs:\n\t- 10.0.0.0/8\n", "line 2: "},
      {"{\"nonMasqueradeCIDRs\": [\"10.0.0.0/8\"]", "line 1: "},
      {"{\"nonMasqueradeCIDRs\": [\"10.0.0.0/8\"]} x", "line 1: more than one document"},
      {"nonMasqueradeCIDRs: []\n---\nnonMasqueradeCIDRs: []\n", "line 3: more than one document"},
      {std::string("nonMasqueradeCIDRs: []\0", 23), "line 1: a NUL byte"},
      {"nonMasqueradeCIDRs: " + std::string(100'000, '[') + std::string(100'000, ']'), "line 1: nested deeper"},
      {"x: " + std::string(9 << 20, 'x'), "line 1: larger than"},
      {"\x7f\x45\x4c\x46\x02\x01", "line "},
  };
  for (const auto& [text, expected] : cases) {
    const auto agent = parse_ip_masq_agent(text);
    ASSERT_FALSE(agent) << text.substr(0, 80);
    EXPECT_THAT(agent.error().message, StartsWith(expected)) << text.substr(0, 80);
  }
}

TEST(IpMasqAgent, AnyCutOfAFileIsReadOrRefusedButNotMisread) {
  const std::string text = "nonMasqueradeCIDRs:\n- 10.0.0.0/8\n- 192.168.0.0/16\nmasqLinkLocal: true\n";
  for (std::size_t size = 0; size <= text.size(); ++size) {
    const auto agent = parse_ip_masq_agent(text.substr(0, size));
    if (!agent) continue;
    for (const auto& cidr : agent->masquerade) ADD_FAILURE() << size << cidr.to_string();
  }
}

TEST(IpMasqAgent, FiftyThousandCidrsFitAndOneTooManyDoesNot) {
  const auto file = [](int count) {
    std::string text = "nonMasqueradeCIDRs:\n";
    for (int i = 0; i < count; ++i) text += fmt::format("- 2001:db8:{:x}:{:x}::/64\n", i / 65536, i % 65536);
    return text;
  };
  const auto large = parse_ip_masq_agent(file(50'000));
  ASSERT_TRUE(large) << large.error().message;
  EXPECT_EQ(large->non_masquerade.size(), 50'002U);
  EXPECT_EQ(parse_ip_masq_agent(file(65'537)).error().message, "line 1: nonMasqueradeCIDRs: more than 65536 CIDRs");
}

}  // namespace
}  // namespace masq
