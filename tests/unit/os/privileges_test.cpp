// SPDX-License-Identifier: Apache-2.0
// Each test gives up rights for good, in a process of its own.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <linux/capability.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <utility>

#include "base/result.hpp"
#include "os/capabilities.hpp"
#include "os/child_task.hpp"
#include "os/process.hpp"
#include "os/system_call_filter.hpp"
#include "unit/os/loop_test.hpp"

namespace masq::os {
namespace {

using ::testing::IsSubsetOf;

class PrivilegesTest : public LoopTest {
 protected:
  // Returns the text that `work` returns in a process of its own.
  std::string in_a_process(const std::function<std::string()>& work) {
    std::optional<Result<std::string>> end;
    const auto task = ChildTask::start(*loop, work, std::chrono::seconds(5),
                                       [&](Result<std::string> result, auto /*cpu*/) { end = std::move(result); });
    EXPECT_TRUE(eventually([&] { return end.has_value(); }));
    return !end ? "nothing" : *end ? end->value() : end->error().message;
  }
};

std::string names_of(const Capabilities& capabilities) {
  std::string names;
  for (const int one : capabilities) names += capability_name(one) + " ";
  return names;
}

// "EPERM" and such, after a system call
std::string outcome(long result) {
  return result >= 0 ? "done" : strerrorname_np(errno);
}

bool filters() {
  return forbid_new_privileges() && filter_system_calls();
}

TEST_F(PrivilegesTest, KeepsTheNamedCapabilitiesOnly) {
  const auto before = effective_capabilities().value();
  if (!before.contains(CAP_NET_ADMIN) || !before.contains(CAP_SETPCAP)) GTEST_SKIP() << "needs root";
  EXPECT_EQ(in_a_process([] {
              if (const auto kept = keep_only({CAP_NET_ADMIN}); !kept) return kept.error().message;
              return names_of(effective_capabilities().value());
            }),
            "CAP_NET_ADMIN ");
}

TEST_F(PrivilegesTest, AddsNoCapability) {
  EXPECT_EQ(in_a_process([] {
              if (const auto kept = keep_only({}); !kept) return kept.error().message;
              if (const auto kept = keep_only({CAP_NET_ADMIN}); !kept) return kept.error().message;
              return "none: " + names_of(effective_capabilities().value());
            }),
            "none: ");
}

TEST_F(PrivilegesTest, AProgramGetsNoMoreThanItsParent) {
  EXPECT_EQ(in_a_process([] {
              if (!keep_only({}) || !filters()) return std::string("failed");
              const auto ended = run_program({"sh", "-c", "grep -E 'CapEff|NoNewPrivs|Seccomp:' /proc/self/status"});
              return ended ? ended->out : ended.error().message;
            }),
            "CapEff:\t0000000000000000\nNoNewPrivs:\t1\nSeccomp:\t2\n");
}

TEST_F(PrivilegesTest, TheFilterRefusesWhatMasqdDoesNotNeed) {
  const std::pair<const char*, std::function<long()>> calls[] = {
      {"mount", [] { return mount("none", "/", "tmpfs", 0, nullptr); }},
      {"unshare", [] { return unshare(CLONE_NEWNET); }},
      {"init_module", [] { return syscall(SYS_init_module, nullptr, 0, ""); }},
      {"perf_event_open", [] { return syscall(SYS_perf_event_open, nullptr, 0, -1, -1, 0); }},
      {"io_uring_setup", [] { return syscall(SYS_io_uring_setup, 1, nullptr); }},
      {"keyctl", [] { return syscall(SYS_keyctl, 0, 0, 0, 0, 0); }}};
  for (const auto& [name, call] : calls)
    EXPECT_EQ(in_a_process([&] { return filters() ? outcome(call()) : "no filter"; }), "EPERM") << name;
}

TEST_F(PrivilegesTest, TheFilterRefusesNamespacesAndOtherSockets) {
  EXPECT_EQ(in_a_process([] {
              if (!filters()) return std::string("no filter");
              return outcome(syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, nullptr, nullptr, nullptr, nullptr)) + " " +
                     outcome(socket(AF_PACKET, SOCK_RAW, 0)) + " " + outcome(socket(AF_INET, SOCK_STREAM, 0)) + " " +
                     outcome(socket(AF_NETLINK, SOCK_RAW, 0));
            }),
            "ENOSYS ENOSYS done done");
}

// The C library then uses an older call.
TEST_F(PrivilegesTest, TheFilterDoesNotKnowNewSystemCalls) {
  EXPECT_EQ(in_a_process([] { return filters() ? outcome(syscall(900)) : "no filter"; }), "ENOSYS");
}

}  // namespace
}  // namespace masq::os
