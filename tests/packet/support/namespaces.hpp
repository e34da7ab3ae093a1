// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace masq::bpf::test {

// Moves this process into a network namespace of its own, so that no socket of the machine has the port of a mapping,
// and into a mount namespace, so that no bpffs remains. Returns false without the privileges.
bool enter_own_namespaces();

}  // namespace masq::bpf::test
