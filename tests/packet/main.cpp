// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>
#include <sched.h>
#include <unistd.h>

#include <cstdio>

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  // A network namespace of our own: no socket of the machine stands in the way of a port.
  if (geteuid() != 0 || unshare(CLONE_NEWNET) != 0) {
    std::fprintf(stderr, "packet tests need root (CAP_BPF, CAP_NET_ADMIN, CAP_SYS_ADMIN)\n");
    return 1;
  }
  return RUN_ALL_TESTS();
}
