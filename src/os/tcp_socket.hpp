// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "base/result.hpp"
#include "os/fd.hpp"

namespace masq::os {

// A listening, non-blocking TCP socket at ":9965" (every address of both families), "127.0.0.1:9965" or
// "[::1]:9965".
Result<Fd> listen_on_tcp(const std::string& address);

}  // namespace masq::os
