// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include "os/fd.hpp"

namespace masq::os {

// The port of an IPv4 socket that listens on one that the kernel chose.
inline int port_of(const Fd& listener) {
  sockaddr_in address{};
  socklen_t length = sizeof address;
  getsockname(listener.get(), reinterpret_cast<sockaddr*>(&address), &length);
  return ntohs(address.sin_port);
}

}  // namespace masq::os
