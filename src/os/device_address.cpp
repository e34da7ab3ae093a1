// SPDX-License-Identifier: Apache-2.0
#include "os/device_address.hpp"

#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <array>
#include <cstdint>
#include <cstring>

#include "os/fd.hpp"

namespace masq::os {

std::array<std::uint8_t, 6> device_address(int ifindex) {
  std::array<std::uint8_t, 6> address{};
  ifreq request{};
  const Fd fd(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (fd && if_indextoname(static_cast<unsigned>(ifindex), request.ifr_name) != nullptr &&
      ioctl(fd.get(), SIOCGIFHWADDR, &request) == 0)
    std::memcpy(address.data(), request.ifr_hwaddr.sa_data, address.size());
  return address;
}

}  // namespace masq::os
