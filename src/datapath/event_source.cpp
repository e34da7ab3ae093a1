// SPDX-License-Identifier: Apache-2.0
#include "datapath/event_source.hpp"

#include <algorithm>
#include <filesystem>
#include <memory>
#include <string>
#include <system_error>
#include <vector>

#include "base/address_range.hpp"
#include "base/result.hpp"
#include "datapath/bpf/events.hpp"
#include "datapath/iptables/iptables_datapath.hpp"
#include "datapath/netfilter/conntrack_events.hpp"
#include "datapath/nftables/nftables_datapath.hpp"

namespace masq {
namespace {

// conntrack has no entry for a packet that is dropped.
Result<std::unique_ptr<EventSource>> open_netfilter_events(const char* datapath, const EventTypes& types,
                                                           Result<std::vector<AddressRange>> (*pods)()) {
  if (types == EventTypes{"drop"})
    return fail("the {} datapath records no dropped packets; `masq status` and the metrics count them", datapath);
  return open_conntrack_events(pods);
}

}  // namespace

const EventTypes& event_types() {
  static const EventTypes types(bpf_event_types().begin(), bpf_event_types().end());
  return types;
}

bool has_type(const EventTypes& types, const std::string& type) {
  return types.empty() || std::ranges::find(types, type) != types.end();
}

Result<std::unique_ptr<EventSource>> open_event_source(const std::filesystem::path& bpf_root, const EventTypes& types) {
  std::error_code error;
  if (!std::filesystem::exists(bpf_root / "masq", error)) {
    if (has_nftables_table().value_or(false)) return open_netfilter_events("nftables", types, read_nftables_pods);
    if (has_ip_sets().value_or(false)) return open_netfilter_events("iptables", types, read_iptables_pods);
  }
  return open_bpf_events(bpf_root);
}

}  // namespace masq
