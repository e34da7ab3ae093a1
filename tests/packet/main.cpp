// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

#include <cstdio>

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  // A network namespace of our own: no socket of the machine stands in the way of a port. A mount namespace, so that
  // no bpffs is left behind.
  if (geteuid() != 0 || unshare(CLONE_NEWNET | CLONE_NEWNS) != 0 ||
      mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) {
    std::fprintf(stderr, "packet tests need root (CAP_BPF, CAP_NET_ADMIN, CAP_SYS_ADMIN)\n");
    return 1;
  }
  return RUN_ALL_TESTS();
}
