/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Finds an external port for a new mapping. The pod's own port is kept when it is free and in range (or the identifier
 * of an ICMP query or of a datagram in fragments, whose space is 0-65535); else one is searched (bpf/port_search.h). Of
 * a protocol whose key we cannot change, that key is the only one.
 */
#ifndef MASQ_BPF_PORTS_H
#define MASQ_BPF_PORTS_H

#include "bpf/policy/decide.h"
#include "bpf/port_search.h"

/* Fills in external_port and claims it: CLAIMED, or why not. */
static __always_inline int port_find(ctx_t *ctx, mapping_t *m, __u32 slot, const struct decision *d)
{
	__u8 space = d->ports;
	int result = CLAIM_TAKEN;

	m->external_port = m->flow.sport;
	if (space != PORTS_OF_RANGES ||
	    (d->assignment == ASSIGN_PRESERVED && port_is_in_range(bpf_ntohs(m->flow.sport))))
		result = N(port_claim)(ctx, slot);
	if (result == CLAIM_NODE_HAS_IT)
		result = CLAIM_TAKEN;
	if (result == CLAIM_TAKEN && space != PORTS_FIXED && (space != PORTS_OF_RANGES || options.port_count))
		return port_search(ctx, m, slot, space == PORTS_OF_IDENTIFIERS);
	N(search_count)(slot, 1, result == CLAIMED);
	return result;
}

#endif
