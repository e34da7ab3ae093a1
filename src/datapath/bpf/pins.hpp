// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace masq::bpf {

// The pins of masq's kernel objects below a bpffs: masq/maps/vSCHEMA/NAME and masq/links/DEVICE/{egress,ingress}.
class Pins {
 public:
  explicit Pins(const std::filesystem::path& bpf_root);

  const std::filesystem::path& root() const { return root_; }
  std::filesystem::path all_maps() const { return root_ / "maps"; }  // of every schema
  std::filesystem::path maps() const { return all_maps() / directory_; }
  std::filesystem::path map(std::string_view name) const { return maps() / name; }
  std::filesystem::path links() const { return root_ / "links"; }
  std::filesystem::path device(std::string_view name) const { return links() / escape(name); }

  // Creates the directories with access for root only.
  Result<void> make_directories() const;
  // Returns the same pins with a separate directory for the maps, until the mappings of other schemas are copied.
  Pins unfinished() const;
  // Moves the unfinished maps to maps(). From then on the next start continues with them.
  Result<void> finish() const;
  // Returns the directories of other schemas' maps, without unfinished ones.
  std::vector<std::filesystem::path> foreign_maps() const;
  // Removes unfinished maps. Moves maps of versions without a schema in the path to their own directory.
  Result<void> tidy() const;
  // Removes the maps of any schema, except foreign pins.
  static Result<void> remove_maps(const std::filesystem::path& maps);

  // Returns the names of the devices that have a directory below links().
  std::vector<std::string> devices() const;

  // bpffs does not accept dots; '.' and '%' become %2e and %25, so that every device name is unique.
  static std::string escape(std::string_view device);
  static std::string unescape(std::string_view file);

 private:
  Result<void> sort_in() const;

  std::filesystem::path root_;
  std::string directory_;
};

Result<void> make_directory(const std::filesystem::path& path);

}  // namespace masq::bpf
