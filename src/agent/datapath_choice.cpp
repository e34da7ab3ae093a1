// SPDX-License-Identifier: Apache-2.0
#include "agent/datapath_choice.hpp"

#include "datapath/bpf/bpf_datapath.hpp"

namespace masq {
namespace {

Result<DatapathChoice> choose_bpf(const Config& config, std::string reason) {
  auto datapath = make_bpf_datapath(config.bpf_root);
  if (!datapath) return std::unexpected(datapath.error());
  return DatapathChoice{.datapath = std::move(*datapath), .reason = std::move(reason)};
}

}  // namespace

Result<DatapathChoice> choose_datapath(const Config& config) {
  switch (config.datapath) {
    case DatapathKind::bpf:
      return choose_bpf(config, "as configured");
    case DatapathKind::nftables:
      return fail("datapath: nftables is not available in this version yet");
    case DatapathKind::iptables:
      return fail("datapath: iptables is not available in this version yet");
    case DatapathKind::automatic:
      break;
  }
  if (auto able = probe_bpf(); !able)
    return fail("datapath: auto: bpf: {}; nftables and iptables are not available in this version yet",
                able.error().message);
  return choose_bpf(config, "auto: the first that this machine can run");
}

}  // namespace masq
