// SPDX-License-Identifier: Apache-2.0
// The clients of one request.
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

#include "tests/support/peer/progress.hpp"
#include "tests/support/peer/sockets.hpp"
#include "tests/support/peer/transfer.hpp"

namespace masq::peer {

void ask(const Request& request) {
  // The server returns what stands behind the question.
  const std::string_view load(block().data(), request.size > who.size() ? request.size - who.size() : 0);
  const Socket connection = connect_to(request);
  if (!send_all(connection.fd(), std::string(who).append(load))) die_of_errno("send");
  std::vector<char> buffer(1 << 16);
  const long got = ::recv(connection.fd(), buffer.data(), buffer.size(), 0);
  if (got < 0) die_of_errno("receive");
  if (got == 0) die("closed without an answer");
  std::string_view answer(buffer.data(), static_cast<std::size_t>(got));
  if (!answer.ends_with(load)) die(std::to_string(got) + " bytes came back, or wrong ones");
  answer.remove_suffix(load.size());
  std::printf("%.*s", static_cast<int>(answer.size()), answer.data());
}

void knock(const Request& request) {
  Progress progress(request.progress);
  for (std::uint64_t count = 0; !progress.keep(count, true); ++count) {
    {
      const Socket connection = connect_to(request);
      ask_who(connection.fd());
    }
    pause_for(request.pause);
  }
}

}  // namespace masq::peer
