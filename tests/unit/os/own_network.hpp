// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>
#include <sched.h>

#include <cstdlib>
#include <functional>
#include <string>
#include <thread>

namespace masq::os {

// Runs `body` in a network namespace of its own, which ends with it. False: this user may not have one.
inline bool in_own_network(const std::function<void()>& body) {
  bool entered = false;
  std::thread([&] {  // namespaces are a thread's
    entered = unshare(CLONE_NEWNET) == 0;
    if (entered) body();
  })
      .join();
  return entered;
}

inline void ip(const std::string& words) {
  ASSERT_EQ(std::system(("ip " + words).c_str()), 0) << "ip " << words;
}

}  // namespace masq::os
