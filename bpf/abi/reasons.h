/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Verdicts, reasons and their counters. Plain C without any other header of masq: user space and the programs include
 * it.
 */
#ifndef MASQ_BPF_ABI_REASONS_H
#define MASQ_BPF_ABI_REASONS_H

#include <linux/types.h>

#ifdef __cplusplus
#define MASQ_ASSERT static_assert
#else
#define MASQ_ASSERT _Static_assert
#endif

enum masq_verdict {
	MASQ_PASS, /* other programs on the device see the packet too */
	MASQ_DROP,
	MASQ_HOLD, /* dropped, but a copy is kept and sent on when it can be */
};

/*
 * The reasons by which packets leave the engine. Each line fixes, in one place: the name, the verdict, the public word
 * (metric label, `masq monitor`, JSON), and the meaning. A line's number is its index in the pinned counters, and
 * mappings keep it. New lines are added at the end, and none is moved or removed: otherwise counters would change
 * their labels at an upgrade (bpf/pinned-numbers.txt).
 */
#define MASQ_REASONS(X)                                                                                                \
	X(TRANSLATED, PASS, "translated", "address and port rewritten by a mapping")                                   \
	X(UNRELATED, PASS, "unrelated", "source outside the source set; inbound: no mapping")                          \
	X(MULTICAST, PASS, "multicast", "multicast destination")                                                       \
	X(BROADCAST, PASS, "broadcast", "broadcast destination")                                                       \
	X(INBOUND_CONNECTION, PASS, "inbound_connection", "connection from outside to a pod's own address")            \
	X(POD_CIDR, PASS, "pod_cidr", "destination inside the pod CIDRs")                                              \
	X(NATIVE_ROUTING, PASS, "native_routing", "destination inside the native routing CIDRs")                       \
	X(IP_MASQ_AGENT, PASS, "ip_masq_agent", "destination excluded by the ip-masq-agent")                           \
	X(NODE, PASS, "node", "destination is another node")                                                           \
	X(OWN_ADDRESS, PASS, "own_address", "destination is an address of this node")                                  \
	X(MALFORMED, DROP, "malformed", "a pod's packet that is truncated or has contradictory fields")                \
	X(NEIGHBOUR_DISCOVERY, PASS, "neighbour_discovery", "ICMPv6 that no router forwards (RFC 4861)")               \
	X(FRAGMENT_HELD, HOLD, "fragment_held", "fragment that arrived before its datagram's first; sent after it")    \
	X(FRAGMENT, DROP, "fragment", "fragment whose first is unknown, or whose datagram is ambiguous")               \
	X(ICMP_ERROR, DROP, "icmp_error", "an ICMP error that would contain a pod's address")                          \
	X(ICMP_REDIRECT, DROP, "icmp_redirect", "an ICMP redirect that concerns a masqueraded connection")             \
	X(UNSUPPORTED_PROTOCOL, DROP, "unsupported_protocol", "an ICMP message that cannot be masqueraded")            \
	X(NO_MAPPING, DROP, "no_mapping", "no mapping, and this packet may not create one")                            \
	X(NO_EXTERNAL_ADDRESS, DROP, "no_external_address", "the uplink has no usable address of this family")         \
	X(ADDRESS_UNAVAILABLE, DROP, "address_unavailable", "external address temporarily not assigned to this node")  \
	X(QUARANTINED, DROP, "quarantined", "old connection in quarantine, pod removed, or handover in progress")      \
	X(NO_FREE_PORT, DROP, "no_free_port", "every port of the range is taken toward this remote endpoint")          \
	X(TABLE_FULL, DROP, "table_full", "nat-max-mappings are in use")                                               \
	X(POD_LIMIT, DROP, "pod_limit", "the pod has nat-max-mappings-per-pod mappings")                               \
	X(REWRITE_FAILED, DROP, "rewrite_failed", "the kernel refused to change the packet")                           \
	X(SPOOFED_SOURCE, DROP, "spoofed_source",                                                                      \
	  "a packet that begins or ends a connection, from another device or MAC address than its source's")           \
	X(PORT_SHARE, DROP, "port_share", "the pod has as many ports toward this remote endpoint as are still free")

enum masq_reason {
#define MASQ_REASON_ENUM(name, verdict, word, meaning) MASQ_REASON_##name,
	MASQ_REASONS(MASQ_REASON_ENUM)
#undef MASQ_REASON_ENUM
	MASQ_REASON_COUNT,
};

enum masq_direction {
	MASQ_EGRESS,
	MASQ_INGRESS,
	MASQ_DIRECTION_COUNT,
};

/* The map counters: a per-CPU array of __u64, an element for each pair. Its size does not change with a new reason. */
#define MASQ_REASONS_MAX 64
#define MASQ_COUNTER(direction, reason) ((__u32)(direction) * MASQ_REASONS_MAX + (__u32)(reason))
#define MASQ_COUNTER_COUNT ((__u32)MASQ_DIRECTION_COUNT * MASQ_REASONS_MAX)

MASQ_ASSERT(MASQ_REASON_COUNT <= MASQ_REASONS_MAX, "each has a counter");

#endif
