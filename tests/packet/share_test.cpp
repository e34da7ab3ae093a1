// SPDX-License-Identifier: Apache-2.0
// Fair shares: a pod gets a port, a mapping or a bypass entry only while it holds fewer than are still free. Hard case
// R17.
#include <gtest/gtest.h>
#include <netinet/in.h>

#include <cstdint>
#include <string>
#include <vector>

#include "base/address.hpp"
#include "base/port_range.hpp"
#include "bpf/abi/reasons.h"
#include "engine.hpp"
#include "model/desired.hpp"
#include "packet.hpp"
#include "table.hpp"

namespace masq::bpf::test {
namespace {

class Share : public BothFamilies {
 protected:
  static Desired with_ports(std::vector<PortRange> ports) { return test::with_ports(std::move(ports), 60000); }
  // Two datagrams from each port, with an answer: a conversation, of which nothing gives way; to port 53 a question.
  // Returns how many ports were translated.
  unsigned blast(const Engine& engine, const Address& pod, std::uint16_t remote_port, unsigned first, unsigned count,
                 std::uint32_t arrived_by = 0) const {
    unsigned done = 0;
    const Endpoint remote{who.world, remote_port};
    for (unsigned port = first; port < first + count; ++port) {
      const auto out = engine.egress(udp({pod, static_cast<std::uint16_t>(port)}, remote), {.arrived_by = arrived_by});
      if (out.verdict != pass) continue;
      ++done;
      engine.ingress(udp(remote, {who.external, source_port(out, who.family)}));
      if (remote_port != 53)
        run_frame(engine.program().egress(), udp({pod, static_cast<std::uint16_t>(port)}, remote).frame());
    }
    return done;
  }
};
MASQ_BOTH_FAMILIES(Share);

TEST_P(Share, OnePodGetsHalfOfThePortsTowardAnEndpoint) {
  const Engine engine(with_ports({{2000, 2999}}));
  EXPECT_EQ(blast(engine, who.pod, 443, 10000, 1500), 500u);
  EXPECT_EQ(engine.packets(who.family, MASQ_EGRESS, MASQ_REASON_PORT_SHARE), 1000u);
  EXPECT_EQ(blast(engine, who.pod2, 443, 10000, 1500), 250u) << "half of what is left";
  EXPECT_EQ(blast(engine, who.pod, 444, 10000, 10), 10u) << "another endpoint has ports of its own";
  for (unsigned i = 0; i < 240; ++i) ASSERT_EQ(blast(engine, numbered_pod(who.family, i), 443, 5000, 1), 1u) << i;
  EXPECT_EQ(disorder(engine, who.family), "");
}

TEST_P(Share, ThePodsOwnPortsCountToo) {
  const Engine engine(with_ports({{2000, 2999}}));
  EXPECT_EQ(blast(engine, who.pod, 443, 2000, 1000), 500u);
  EXPECT_EQ(blast(engine, who.pod2, 443, 2000, 1), 1u);
}

TEST_P(Share, EachClassOfLowPortsHasSharesOfItsOwn) {
  auto wanted = with_ports({{2000, 2999}});
  wanted.kept_ports = {{.low = 1, .high = 1023}};
  const Engine engine(wanted);
  EXPECT_EQ(blast(engine, who.pod, 443, 1, 511), 256u);
  EXPECT_EQ(blast(engine, who.pod, 443, 512, 512), 256u);
  EXPECT_EQ(blast(engine, who.pod, 443, 2000, 10), 10u);
  EXPECT_EQ(blast(engine, who.pod2, 443, 123, 1), 1u);
}

TEST_P(Share, IdentifiersOfPingsAreShared) {
  auto wanted = with_ports({{2000, 2999}});
  wanted.max_mappings = wanted.max_mappings_per_pod = 150000;  // the table is no limit
  const Engine engine(wanted);
  unsigned done = 0;
  for (unsigned id = 0; id < 40000; ++id) {
    const auto ping = echo_request(who.pod, who.world, static_cast<std::uint16_t>(id)).frame();
    if (run_frame(engine.program().egress(), ping) != pass) continue;
    run_frame(engine.program().egress(), ping);  // more than one question: a conversation, which never gives way
    ++done;
  }
  EXPECT_EQ(done, 32768u);
  EXPECT_EQ(engine.egress(echo_request(who.pod2, who.world, 7)).verdict, pass);
}

// Conversations that are over delay no pod.
TEST_P(Share, AnsweredQuestionsAreNoReasonToRefuse) {
  Engine engine(with_ports({{2000, 2999}}));
  EXPECT_EQ(blast(engine, who.pod, 53, 10000, 600), 600u)
      << "a pod gets the ports of its own answered questions at once";
  EXPECT_EQ(engine.control(who.family).used, 500u) << "and no more than half";
  EXPECT_EQ(blast(engine, who.pod2, 53, 10000, 100), 100u);
  engine.pass_time(who.family, 2);
  EXPECT_EQ(blast(engine, who.pod2, 53, 20000, 600), 600u) << "those of another pod after a second";
}

TEST_P(Share, APodGetsHalfOfTheTable) {
  auto wanted = with_ports({{2000, 29999}});
  wanted.max_mappings = wanted.max_mappings_per_pod = 400;
  const Engine engine(wanted);
  EXPECT_EQ(blast(engine, who.pod, 443, 10000, 400), 200u);
  EXPECT_EQ(engine.packets(who.family, MASQ_EGRESS, MASQ_REASON_POD_LIMIT), 200u);
  EXPECT_EQ(blast(engine, who.pod2, 443, 10000, 400), 100u);
  for (unsigned i = 0; i < 90; ++i) ASSERT_EQ(blast(engine, numbered_pod(who.family, i), 443, 5000, 1), 1u) << i;
}

// A pod with a device of its own has one account, however many addresses it uses.
TEST_P(Share, APodWithItsOwnDeviceHasOneAccount) {
  auto wanted = with_ports({{2000, 2999}});
  wanted.pod_devices.single = {{.ifindex = 77, .name = "lxc77", .has_route = true}};
  const Engine engine(wanted);
  unsigned by_device = 0, by_address = 0;
  for (unsigned i = 0; i < 800; ++i) by_device += blast(engine, numbered_pod(who.family, i), 443, 5000, 1, 77);
  EXPECT_EQ(by_device, 500u);
  for (unsigned i = 0; i < 100; ++i) by_address += blast(engine, numbered_pod(who.family, 1000 + i), 443, 5000, 1, 78);
  EXPECT_EQ(by_address, 100u) << "as many pods behind a bridge";
  EXPECT_EQ(disorder(engine, who.family), "");
}

// A full list of bypassed connections would let no connection from outside be answered.
TEST_P(Share, BypassEntriesAreShared) {
  auto wanted = with_ports({{2000, 29999}});
  wanted.max_mappings = 4000;  // 500 bypassed
  const Engine engine(wanted);
  for (unsigned port = 1000; port < 3000; ++port)
    engine.egress(udp({who.pod, static_cast<std::uint16_t>(port)}, {who.excluded, 53}));
  EXPECT_EQ(engine.control(who.family).left, 250u);
  const Endpoint client{who.world, 4000}, server{who.pod2, 80};
  engine.ingress(tcp(client, server, syn));
  EXPECT_EQ(engine.egress(tcp(server, client, syn | ack)).reason, "inbound_connection");
}

TEST_P(Share, ConnectionsFromOutsideWorkBesideAFloodToTheSamePod) {
  auto wanted = with_ports({{2000, 29999}});
  wanted.max_mappings = 4000;
  Engine engine(wanted);
  const auto flood = [&] {
    for (unsigned port = 1; port < 2000; ++port)
      engine.ingress(udp({who.world, static_cast<std::uint16_t>(port)}, {who.pod, 53}));
  };
  flood();
  EXPECT_EQ(engine.control(who.family).left, 250u);
  const Endpoint server{who.pod, 80};
  for (std::uint16_t port = 4000; port < 4020; ++port) {
    engine.pass_time(who.family, 2);  // an entry is unanswered for a second before it gives way
    flood();
    engine.pass_time(who.family, 2);
    const Endpoint client{who.world, port};
    engine.ingress(tcp(client, server, syn));
    EXPECT_EQ(engine.egress(tcp(server, client, syn | ack)).reason, "inbound_connection") << port;
    engine.egress(tcp(server, client, ack));
  }
  EXPECT_LE(engine.control(who.family).left, 251u);
  EXPECT_EQ(disorder(engine, who.family), "");
}

}  // namespace
}  // namespace masq::bpf::test
