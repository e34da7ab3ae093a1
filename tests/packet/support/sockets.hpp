// SPDX-License-Identifier: Apache-2.0
// Sockets of the node, as the search for a port asks for them: in this namespace, at every address.
#pragma once

#include <cstdint>

#include "base/address.hpp"
#include "os/fd.hpp"

namespace masq::bpf::test {

// A socket of this type (SOCK_*) that is bound to a port; one of TCP listens. A failure fails the test.
os::Fd node_socket(Family family, int type, std::uint16_t port);

}  // namespace masq::bpf::test
