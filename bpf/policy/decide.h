/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The decision about a new connection. Established connections keep theirs in the mapping table, so only packets
 * without a mapping ask: first packets, fragments, and ICMP errors.
 */
#ifndef MASQ_BPF_POLICY_DECIDE_H
#define MASQ_BPF_POLICY_DECIDE_H

#include "bpf/packet/protocol.h"
#include "bpf/policy/classify.h"

enum action {
	ACTION_MASQUERADE,
	ACTION_BYPASS,  /* not masqueraded; the connection is remembered */
	ACTION_FORWARD, /* not masqueraded; each packet is decided */
};

/* The source of external addresses. */
enum address_pool {
	ADDRESSES_OF_UPLINK,
	ADDRESSES_OF_ROUTE, /* the source of the route to the destination; the uplink's if the route has none */
};

/* The numbers that an external port is selected from. */
enum port_space {
	PORTS_OF_RANGES,  /* the ranges of the options */
	PORTS_BELOW_512,  /* 1-511; as in the kernel's NAT, a port below 1024 stays in its class: servers ask for it */
	PORTS_BELOW_1024, /* 512-1023 */
	PORTS_OF_IDENTIFIERS, /* 0-65535: identifiers of ICMP queries (RFC 5508 3.1) and of datagrams in fragments */
	PORTS_FIXED,          /* the flow's own number: the protocol's key cannot be changed */
};

enum port_assignment {
	ASSIGN_PRESERVED, /* the pod's own port if it is free (RFC 4787 4.2.1), else one that follows from its endpoint */
	ASSIGN_RANDOM,
};

/* The packets from outside that reach the pod (RFC 4787 5). */
enum filtering {
	FILTER_ADDRESS_AND_PORT,
	FILTER_ADDRESS, /* the key of the replies may differ: the remote address is enough */
};

/* The mapping behaviour is address- and port-dependent for every connection (RFC 4787 4.1). */
struct decision {
	__u8 action;     /* enum action; for the others the rest is unused */
	__u8 reason;     /* enum masq_reason; TRANSLATED: masquerade */
	__u8 addresses;  /* enum address_pool */
	__u8 ports;      /* enum port_space */
	__u8 assignment; /* enum port_assignment */
	__u8 filtering;  /* enum filtering */
	__u8 zero[2];
};

/* A GRE key, or the SPI of ESP and AH: it may differ between the two directions. */
static __always_inline bool flow_has_key(const tuple_t *flow)
{
	return transport_of(flow->protocol) == TRANSPORT_ADDRESS_ONLY && flow->protocol != PROTOCOL_SCTP &&
	       flow->kind == MASQ_KIND_CONNECTION && (flow->sport | flow->dport);
}

/* The policy by destination: a trie that user space replaces atomically. */
struct policy_rules {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 1);
	/* masq_policy_key, masq_policy: no BTF of an inner map survives linking */
	__uint(key_size, sizeof(policy_key_t));
	__uint(value_size, sizeof(struct masq_policy));
};
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 1);
	__type(key, __u32);
	__array(values, struct policy_rules);
} policy_map SEC(".maps");

/* The reason not to masquerade, or TRANSLATED. */
static __always_inline __u8 destination_reason(const addr_t *destination)
{
	struct masq_policy *rule;
	policy_key_t key;
	__u32 zero = 0;
	void *rules;

	if (is_pod(destination))
		return MASQ_REASON_POD_CIDR;
	rules = bpf_map_lookup_elem(&policy_map, &zero);
	if (!rules)
		return MASQ_REASON_TRANSLATED;
	policy_key(&key, destination);
	rule = bpf_map_lookup_elem(rules, &key);
	return rule ? rule->reason : MASQ_REASON_TRANSLATED;
}

static __always_inline __u8 action_of(__u8 reason)
{
	if (reason == MASQ_REASON_TRANSLATED)
		return ACTION_MASQUERADE;
	return reason == MASQ_REASON_POD_CIDR ? ACTION_FORWARD : ACTION_BYPASS;
}

/* A class of which no port may be used has the ports of the ranges. */
static __always_inline __u8 ports_of_class(__u16 port)
{
	if (port < 512 && options.ports_below_512)
		return PORTS_BELOW_512;
	if (port >= 512 && port < 1024 && options.ports_below_1024)
		return PORTS_BELOW_1024;
	return PORTS_OF_RANGES;
}

static __always_inline __u8 ports_of(const tuple_t *flow)
{
	switch (transport_of(flow->protocol)) {
	case TRANSPORT_PORTS:
		return ports_of_class(bpf_ntohs(flow->sport));
	case TRANSPORT_QUERY:
		return PORTS_OF_IDENTIFIERS;
	default:
		return PORTS_FIXED;
	}
}

/*
 * Decides a connection with this tuple. Ports are 0 where they are unknown: of a later fragment and of an ICMP error.
 */
__noinline int decide(const tuple_t *flow, struct decision *d)
{
	if (!flow || !d)
		return 0;
	d->reason = destination_reason(&flow->dst);
	d->action = action_of(d->reason);
	d->addresses = options.route_source ? ADDRESSES_OF_ROUTE : ADDRESSES_OF_UPLINK;
	d->ports = ports_of(flow);
	d->assignment = options.random_fully ? ASSIGN_RANDOM : ASSIGN_PRESERVED;
	d->filtering = flow_has_key(flow) ? FILTER_ADDRESS : FILTER_ADDRESS_AND_PORT;
	return 0;
}

/* Returns `otherwise` for a packet that must be masqueraded and cannot be, else the reason by which it passes. */
static __always_inline __u32 decide_without_mapping(const tuple_t *flow, __u32 otherwise)
{
	struct decision d = {};

	decide(flow, &d);
	return d.action == ACTION_MASQUERADE ? otherwise : d.reason;
}

#endif
