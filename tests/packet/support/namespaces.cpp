// SPDX-License-Identifier: Apache-2.0
#include "namespaces.hpp"

#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

namespace masq::bpf::test {

bool enter_own_namespaces() {
  return geteuid() == 0 && unshare(CLONE_NEWNET | CLONE_NEWNS) == 0 &&
         mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0;
}

}  // namespace masq::bpf::test
