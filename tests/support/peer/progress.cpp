// SPDX-License-Identifier: Apache-2.0
#include "tests/support/peer/progress.hpp"

#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <thread>

#include "tests/support/peer/sockets.hpp"

namespace masq::peer {

void write_file(const std::string& path, const std::string& text) {
  const std::string fresh = path + ".new";
  std::ofstream(fresh) << text;
  if (std::rename(fresh.c_str(), path.c_str()) != 0) die_of_errno(path);
}

void pause_for(double seconds) {
  std::this_thread::sleep_for(std::chrono::duration<double>(seconds));
}

bool Progress::keep(std::uint64_t count, bool now) {
  const auto time = std::chrono::steady_clock::now();
  if (now || time - written_ > std::chrono::milliseconds(20)) {
    write_file(path_, std::to_string(count));
    written_ = time;
  }
  return ::access((path_ + ".stop").c_str(), F_OK) == 0;
}

}  // namespace masq::peer
