// SPDX-License-Identifier: Apache-2.0
#include "agent/privileges.hpp"

#include <gmock/gmock.h>
#include <linux/capability.h>

#include <algorithm>
#include <string>
#include <vector>

#include "datapath/backends.hpp"
#include "model/config.hpp"
#include "os/capabilities.hpp"

namespace masq::agent {
namespace {

using ::testing::IsEmpty;

const std::vector<CapabilityNeed> needs = {{.capability = CAP_BPF, .purpose = "load programs"},
                                           {.capability = CAP_NET_ADMIN, .purpose = "attach them"},
                                           {.capability = CAP_PERFMON, .purpose = "use pointers"},
                                           {.capability = CAP_NET_RAW, .purpose = "list rules", .required = false}};

TEST(Privileges, NamesEachMissingCapabilityAndItsPurpose) {
  EXPECT_EQ(missing_capabilities(needs, {CAP_BPF, CAP_NET_ADMIN, CAP_PERFMON}), "");
  EXPECT_EQ(missing_capabilities(needs, {CAP_NET_ADMIN, CAP_NET_RAW}),
            "CAP_BPF is missing: it is needed to load programs; CAP_PERFMON is missing: it is needed to use pointers");
}

TEST(Privileges, CapSysAdminReplacesItsParts) {
  EXPECT_EQ(missing_capabilities(needs, {CAP_SYS_ADMIN}), "CAP_NET_ADMIN is missing: it is needed to attach them");
  EXPECT_EQ(kept_capabilities(needs, {CAP_SYS_ADMIN, CAP_NET_ADMIN, CAP_BPF}),
            (os::Capabilities{CAP_SYS_ADMIN, CAP_NET_ADMIN, CAP_BPF}));
}

TEST(Privileges, KeepsWhatIsNeededOfWhatItHas) {
  EXPECT_EQ(kept_capabilities(needs, {CAP_SYS_ADMIN, CAP_SYS_MODULE, CAP_NET_ADMIN, CAP_BPF, CAP_PERFMON, CAP_NET_RAW}),
            (os::Capabilities{CAP_NET_ADMIN, CAP_BPF, CAP_PERFMON, CAP_NET_RAW}));
  EXPECT_EQ(kept_capabilities(needs, {CAP_BPF, CAP_NET_ADMIN, CAP_PERFMON}),
            (os::Capabilities{CAP_BPF, CAP_NET_ADMIN, CAP_PERFMON}));
}

TEST(Privileges, NoDatapathNeedsMoreThanFive) {
  for (const auto& backend : backends()) {
    const auto wanted = backend.needs();
    EXPECT_LE(wanted.size(), 5u) << backend.word;
    EXPECT_TRUE(std::ranges::none_of(wanted, [](const auto& need) { return need.capability == CAP_SYS_ADMIN; }));
  }
  const auto any = needs_of_any_datapath();
  EXPECT_EQ(missing_capabilities(any, {}), "") << "another datapath need not exist";
}

}  // namespace
}  // namespace masq::agent
