// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace masq {

// Where masq's kernel objects are pinned below a bpffs: masq/maps/vSCHEMA/NAME and masq/links/DEVICE/{egress,ingress}.
class Pins {
 public:
  explicit Pins(const std::filesystem::path& bpf_root);

  const std::filesystem::path& root() const { return root_; }
  std::filesystem::path all_maps() const { return root_ / "maps"; }  // of every schema
  std::filesystem::path maps() const { return all_maps() / directory_; }
  std::filesystem::path map(std::string_view name) const { return maps() / name; }
  std::filesystem::path links() const { return root_ / "links"; }
  std::filesystem::path device(std::string_view name) const { return links() / escape(name); }

  // Creates the directories, for root alone.
  Result<void> make_directories() const;
  // The same pins, with the maps in a directory of their own until what is in other schemas' maps is in them too.
  Pins unfinished() const;
  // What is unfinished takes the place of maps(): from here on it is what the next start goes on with.
  Result<void> finish() const;
  // The directories of other schemas' maps, without those that are unfinished.
  std::vector<std::filesystem::path> other_maps() const;
  // Removes what was left unfinished, and gives maps that were pinned before the schema was a part of the path theirs.
  Result<void> tidy() const;
  // Takes our own or another schema's maps out of the kernel, but for what is no pin of masq.
  static Result<void> remove_maps(const std::filesystem::path& maps);

  // Names of the devices that have a directory below links().
  std::vector<std::string> devices() const;

  // bpffs reserves dots; '.' and '%' become %2e and %25, so that no two device names meet.
  static std::string escape(std::string_view device);
  static std::string unescape(std::string_view file);

 private:
  Result<void> sort_in() const;

  std::filesystem::path root_;
  std::string directory_;
};

Result<void> make_directory(const std::filesystem::path& path);

}  // namespace masq
