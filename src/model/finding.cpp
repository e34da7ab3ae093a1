// SPDX-License-Identifier: Apache-2.0
#include "model/finding.hpp"

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <span>
#include <string>
#include <vector>

namespace masq {
namespace {

using enum FindingKind;
using enum Severity;

constexpr FindingRow rows[] = {
    {no_uplink, problem, "no_uplink", "No device leads outside, so nothing is masqueraded.",
     "set `devices`, or give a device a route"},
    {device_missing, problem, "device_missing", "No device has a name of `devices`.",
     "correct `devices`, or create the device"},
    {no_pod_cidr, problem, "no_pod_cidr", "No pod CIDR is known, so nothing is masqueraded.",
     "set `ipv4-pod-cidr` or `ipv6-pod-cidr`"},
    {no_address, problem, "no_address", "An uplink has no usable address: its packets from pods are dropped.",
     "add an address, or set `masquerade-address`"},
    {masquerade_address_missing, problem, "masquerade_address_missing",
     "An address of `masquerade-address` is none of the node, and not used.", "add the address, or correct the option"},
    {no_port, problem, "no_port", "No source port is left for mappings: TCP and UDP packets from pods are dropped.",
     "widen `nat-port-range`, or narrow `node-port-range`"},
    {too_many_uplinks, problem, "too_many_uplinks", "More uplinks than masq can have; the named ones are left out.",
     "set `devices` to those that pods use"},
    {too_many_pod_cidrs, problem, "too_many_pod_cidrs", "More pod CIDRs than masq can have; those named are left out.",
     "use wider prefixes"},
    {forwarding_off, problem, "forwarding_off", "The kernel does not forward packets that arrive by a device.",
     "set the sysctl that the line names to 1"},
    {apply, problem, "apply", "The kernel refused a change, which is tried again.", "as the error says"},
    {configuration, problem, "configuration",
     "The options or the ip-masq-agent's file are rejected; the last valid ones stay in force.", "as the error says"},
    {source, problem, "source", "A fact cannot be read; its last value stays in force.", "as the error says"},
    {counters, problem, "counters", "The counters in the kernel cannot be read.", "as the error says"},
    {not_applied, problem, "not_applied", "masqd has just started, and has applied nothing yet.", "wait"},
    {drift, problem, "drift",
     "Another process changed masq's objects in the kernel, and the repair has not succeeded yet.", "as the line says"},
    {program_hides, problem, "program_hides",
     "A program before masq's on an uplink ends every packet, so that masq sees none.",
     "remove it, or attach it later"},
    {other_masq, problem, "other_masq", "A program of another masq is before masq's on an uplink, and hides packets.",
     "remove its pins: `masq` in its `bpf-root`"},
    {datapath_fallback, problem, "datapath_fallback",
     "`datapath: auto` could not take a better datapath: a right or memory is missing.", "give it, or set `datapath`"},
    {internal_error, problem, "internal_error",
     "A part of masqd failed in the last minute; the others continue, and it is tried again.", "report it"},
    {kubernetes, problem, "kubernetes",
     "The API of Kubernetes does not answer as it should; what it said last stays in force.", "as the error says"},
    {kubernetes_node, problem, "kubernetes_node",
     "Kubernetes has no node of this node's name, so its pod CIDRs are unknown.", "set `k8s-node-name`"},
    {metrics_address, problem, "metrics_address",
     "The metrics cannot be served at an address of `prometheus-serve-addr`.", "free the port, or correct the option"},
    {device_skipped, note, "device_skipped", "A device that `devices` names cannot be an uplink.",
     "name the bridge or bond that it belongs to"},
    {address_tentative, note, "address_tentative",
     "An address of `masquerade-address` is in duplicate address detection.", "wait"},
    {ports_overlap, note, "ports_overlap", "`nat-port-range` overlaps the kernel's ephemeral ports.",
     "none is needed: ports of sockets are not used"},
    {ephemeral_ports, note, "ephemeral_ports",
     "The kernel's ephemeral ports leave no others, so mappings use them too.",
     "narrow `ip_local_port_range`, or set `nat-port-range`"},
    {ip_masq_agent, note, "ip_masq_agent", "The ip-masq-agent's configuration has an unusual entry.",
     "as the line says"},
    {reverse_path, note, "reverse_path",
     "Strict reverse path filtering may drop packets on a node with several uplinks.", "set `rp_filter` to 2"},
    {option_without_effect, note, "option_without_effect", "An option has no effect with this datapath.", "remove it"},
    {other_masquerading, note, "other_masquerading",
     "A rule of another program masquerades the packets that masq masquerades.",
     "remove the rule that the line quotes"},
    {foreign_rules_unread, note, "foreign_rules_unread",
     "The rules of other programs cannot be read; those found before stay listed.", "as the error says"},
    {program_before, note, "program_before", "A program or filter is before masq's on an uplink, and may end packets.",
     "let it pass packets on, or attach it later"},
    {address_away, note, "address_away", "The node lost an external address; its connections wait for it for 30 s.",
     "none is needed"},
    {connection_table, note, "connection_table", "conntrack's table is nearly full.",
     "raise `net.netfilter.nf_conntrack_max`"},
    {iptables_variant, note, "iptables_variant", "The iptables of this machine lacks something that masq uses.",
     "as the line says"},
    {container_network, note, "container_network", "A container network is not among the pod CIDRs.",
     "name it in `ipv4-pod-cidr` or `ipv6-pod-cidr` if it must be masqueraded"},
    {state_not_kept, note, "state_not_kept", "What Kubernetes says cannot be kept in `state-dir` for the next start.",
     "as the error says"},
};

constexpr bool rows_are_in_order() {
  for (std::size_t i = 0; i < std::size(rows); ++i)
    if (static_cast<std::size_t>(rows[i].kind) != i) return false;
  return true;
}
static_assert(rows_are_in_order(), "one row a kind, in the order of FindingKind");

}  // namespace

std::span<const FindingRow> finding_rows() {
  return rows;
}

const FindingRow& row_of(FindingKind kind) {
  return rows[static_cast<std::size_t>(kind)];
}

std::vector<std::string> texts_of(const std::vector<Finding>& findings, Severity severity) {
  std::vector<std::string> texts;
  for (const auto& finding : findings)
    if (row_of(finding.kind).severity == severity) texts.push_back(finding.text);
  return texts;
}

}  // namespace masq
