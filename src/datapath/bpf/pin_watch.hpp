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
  // `maps`: the pins of the maps that the programs use. One that is missing at this moment counts as removed, one that
  // is not masq's as replaced.
  static PinWatch of(const Pins& pins, const std::vector<std::filesystem::path>& maps,
                     const std::function<bool(const std::filesystem::path& map)>& is_own);

  std::vector<std::filesystem::path> removed() const;
  std::vector<std::filesystem::path> replaced() const;

 private:
  struct Pin {
    std::filesystem::path path;
    ino_t inode = 0;  // 0: missing, or not masq's
  };
  std::vector<Pin> pins_;
};

}  // namespace masq::bpf
