// SPDX-License-Identifier: Apache-2.0
#include "tests/support/peer/transfer.hpp"

#include <cstring>
#include <random>
#include <vector>

#include "tests/support/peer/progress.hpp"

namespace masq::peer {
namespace {

std::string random_block() {
  std::mt19937 generator(1);
  std::string made(1 << 18, '\0');
  for (char& byte : made) byte = static_cast<char>(generator());
  return made;
}

// Fills the buffer unless the stream ends. Returns the bytes, -1 when the connection broke.
long fill(LineReader& stream, std::vector<char>& buffer) {
  std::size_t filled = 0;
  while (filled < buffer.size()) {
    const long got = stream.read(buffer.data() + filled, buffer.size() - filled);
    if (got < 0) return -1;
    if (got == 0) break;
    filled += static_cast<std::size_t>(got);
  }
  return static_cast<long>(filled);
}

std::uint64_t download(const Socket& connection, Progress& progress) {
  LineReader stream(connection.fd());
  const auto total = receive_blocks(stream, [&](std::uint64_t count) { return progress.keep(count); });
  if (!total) die("wrong bytes, or the connection broke");
  return *total;
}

std::uint64_t upload(const Socket& connection, Progress& progress) {
  std::uint64_t total = 0;
  while (!progress.keep(total)) {
    if (!send_all(connection.fd(), block())) die_of_errno("send");
    total += block().size();
  }
  ::shutdown(connection.fd(), SHUT_WR);
  if (LineReader(connection.fd()).next() != std::to_string(total) + "\n") {
    die("the server received another number of bytes");
  }
  return total;
}

}  // namespace

const std::string& block() {
  static const std::string made = random_block();
  return made;
}

std::optional<std::uint64_t> receive_blocks(LineReader& stream, const std::function<bool(std::uint64_t)>& stop) {
  std::uint64_t total = 0;
  std::vector<char> buffer(block().size());
  while (!stop(total)) {
    const long filled = fill(stream, buffer);
    if (filled < 0 || std::memcmp(buffer.data(), block().data(), static_cast<std::size_t>(filled)) != 0) return {};
    total += static_cast<std::uint64_t>(filled);
    if (static_cast<std::size_t>(filled) < buffer.size()) break;
  }
  return total;
}

void transfer(const Request& request) {
  Progress progress(request.progress);
  const Socket connection = connect_to(request);
  const bool down = request.direction == "down";
  if (!send_all(connection.fd(), down ? "DOWN\n" : "UP\n")) die_of_errno("send");
  const std::uint64_t total = down ? download(connection, progress) : upload(connection, progress);
  progress.keep(total, true);
}

}  // namespace masq::peer
