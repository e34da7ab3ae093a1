// SPDX-License-Identifier: Apache-2.0
#include "datapath/kernel_reader.hpp"

#include <algorithm>
#include <expected>
#include <filesystem>
#include <functional>
#include <system_error>
#include <vector>

#include "base/result.hpp"
#include "datapath/bpf/bpf_datapath.hpp"
#include "datapath/datapath.hpp"
#include "datapath/iptables/iptables_datapath.hpp"
#include "datapath/nftables/nftables_datapath.hpp"

namespace masq {
namespace {

using Read = std::function<Result<void>()>;

struct Reader {
  bool is_there;
  Read read;
};

// Reads every datapath that exists. If none exists, bpf's reader reports the error.
Result<void> read_each(const std::filesystem::path& bpf_root, const Read& bpf, const Read& nftables,
                       const Read& iptables) {
  std::error_code error;
  bool any = std::filesystem::exists(bpf_root / "masq", error);
  if (any)
    if (auto done = bpf(); !done) return done;
  for (const auto& [is_there, read] :
       {Reader{has_nftables_table().value_or(false), nftables}, Reader{has_ip_sets().value_or(false), iptables}}) {
    any |= is_there;
    if (is_there)
      if (auto done = read(); !done) return done;
  }
  return any ? Result<void>() : bpf();
}

}  // namespace

Result<void> read_mappings(const std::filesystem::path& bpf_root, const std::function<void(const Mapping&)>& visit) {
  return read_each(
      bpf_root, [&] { return read_bpf_mappings(bpf_root, visit); }, [&] { return read_nftables_mappings(visit); },
      [&] { return read_iptables_mappings(visit); });
}

Result<Ended> end_mappings(const std::filesystem::path& bpf_root, const std::function<bool(const Mapping&)>& wanted) {
  Ended ended;
  const auto add = [&](const Result<Ended>& more) -> Result<void> {
    if (!more) return std::unexpected(more.error());
    ended.mappings += more->mappings;
    ended.left_alone += more->left_alone;
    return {};
  };
  auto done = read_each(
      bpf_root, [&] { return add(end_bpf_mappings(bpf_root, wanted)); },
      [&] { return add(end_nftables_mappings(wanted)); }, [&] { return add(end_iptables_mappings(wanted)); });
  if (!done) return std::unexpected(done.error());
  return ended;
}

Result<std::vector<IpMasqEntry>> read_ip_masq(const std::filesystem::path& bpf_root) {
  std::vector<IpMasqEntry> entries;
  const auto take = [&](Result<std::vector<IpMasqEntry>> found) -> Result<void> {
    if (!found) return std::unexpected(found.error());
    entries.insert(entries.end(), found->begin(), found->end());
    return {};
  };
  auto done = read_each(
      bpf_root, [&] { return take(read_bpf_ip_masq(bpf_root)); }, [&] { return take(read_nftables_ip_masq()); },
      [&] { return take(read_iptables_ip_masq()); });
  if (!done) return std::unexpected(done.error());
  std::ranges::sort(entries);
  const auto [first, last] = std::ranges::unique(entries);
  entries.erase(first, last);
  return entries;
}

}  // namespace masq
