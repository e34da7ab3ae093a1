// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <cstdio>

#include "namespaces.hpp"

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  if (!masq::bpf::test::enter_own_namespaces()) {
    std::fprintf(stderr, "packet tests need root (CAP_BPF, CAP_NET_ADMIN, CAP_SYS_ADMIN)\n");
    return 1;
  }
  return RUN_ALL_TESTS();
}
