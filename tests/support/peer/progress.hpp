// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <chrono>
#include <cstdint>
#include <string>

namespace masq::peer {

/// Replaces the file as a whole: its readers never see a part.
void write_file(const std::string& path, const std::string& text);

void pause_for(double seconds);

/// The count of a client that runs on, in a file that its scenario polls.
class Progress {
 public:
  explicit Progress(std::string path) : path_(std::move(path)) {}
  /// Writes at most once in 20 ms unless `now`. Returns true when the scenario wants the client to end.
  bool keep(std::uint64_t count, bool now = false);

 private:
  std::string path_;
  std::chrono::steady_clock::time_point written_{};
};

}  // namespace masq::peer
