/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Finds an external port for a new mapping. The pod's own port is kept when it is free and in range (or the identifier
 * of an ICMP query or of a datagram in fragments, whose space is 0-65535); else one is searched (bpf/port_search.h). Of
 * a protocol whose key we cannot change, that key is the only one.
 */
#ifndef MASQ_BPF_PORTS_H
#define MASQ_BPF_PORTS_H

#include "bpf/port_search.h"

enum port_space {
	PORT_SPACE_RANGE,       /* the ports of the options */
	PORT_SPACE_IDENTIFIERS, /* 0-65535 */
	PORT_SPACE_FIXED,       /* the one that it has */
};

static __always_inline enum port_space port_space_of(const tuple_t *t)
{
	if (t->kind != MASQ_KIND_CONNECTION)
		return PORT_SPACE_IDENTIFIERS;
	switch (transport_of(t->protocol)) {
	case TRANSPORT_PORTS:
		return PORT_SPACE_RANGE;
	case TRANSPORT_QUERY:
		return PORT_SPACE_IDENTIFIERS;
	default:
		return PORT_SPACE_FIXED;
	}
}

/* Fills in external_port and claims it: CLAIMED, or why not. */
static __always_inline int port_find(struct __sk_buff *skb, mapping_t *m, __u32 slot)
{
	enum port_space space = port_space_of(&m->flow);
	int result = CLAIM_TAKEN;

	m->external_port = m->flow.sport;
	if (space != PORT_SPACE_RANGE || (!options.random_fully && port_is_in_range(bpf_ntohs(m->flow.sport))))
		result = N(port_claim)(skb, slot);
	if (result == CLAIM_NODE_HAS_IT)
		result = CLAIM_TAKEN;
	if (result == CLAIM_TAKEN && space != PORT_SPACE_FIXED && (space != PORT_SPACE_RANGE || options.port_count))
		return port_search(skb, m, slot, space == PORT_SPACE_IDENTIFIERS);
	N(search_count)(slot, 1, result == CLAIMED);
	return result;
}

#endif
