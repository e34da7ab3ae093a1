// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <functional>
#include <vector>

#include "datapath/bpf/pins.hpp"

namespace masq::bpf {

// The pins at one moment, to find those that another process removes or replaces.
class PinWatch {
 public:
  // A pin that is not masq's counts as replaced.
  static PinWatch of(const Pins& pins, const std::function<bool(const std::filesystem::path& map)>& is_own);

  std::vector<std::filesystem::path> removed() const;
  std::vector<std::filesystem::path> replaced() const;

 private:
  struct Pin {
    std::filesystem::path path;
    ino_t inode = 0;  // 0: not masq's
  };
  std::vector<Pin> pins_;
};

}  // namespace masq::bpf
