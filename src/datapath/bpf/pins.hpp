// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace masq {

// Where masq's kernel objects are pinned below a bpffs: masq/maps/NAME and masq/links/DEVICE/{egress,ingress}.
class Pins {
 public:
  explicit Pins(const std::filesystem::path& bpf_root) : root_(bpf_root / "masq") {}

  const std::filesystem::path& root() const { return root_; }
  std::filesystem::path maps() const { return root_ / "maps"; }
  std::filesystem::path map(std::string_view name) const { return maps() / name; }
  std::filesystem::path links() const { return root_ / "links"; }
  std::filesystem::path device(std::string_view name) const { return links() / escape(name); }

  // Creates the directories, for root alone.
  Result<void> make_directories() const;
  // Names of the devices that have a directory below links().
  std::vector<std::string> devices() const;

  // bpffs reserves dots; '.' and '%' become %2e and %25, so that no two device names meet.
  static std::string escape(std::string_view device);
  static std::string unescape(std::string_view file);

 private:
  std::filesystem::path root_;
};

Result<void> make_directory(const std::filesystem::path& path);

}  // namespace masq
