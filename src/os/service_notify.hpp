// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

#include "base/result.hpp"

namespace masq::os {

// sd_notify(3): sends `state` ("READY=1") to the service manager at `notify_socket`, the value of $NOTIFY_SOCKET. Does
// nothing if it is empty.
Result<void> notify_service_manager(std::string_view notify_socket, std::string_view state);

}  // namespace masq::os
