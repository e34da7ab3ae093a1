/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Finds an external port for a new mapping, as the decision says: the pod's own if it is to be preserved, is usable
 * and free; else the search finds one (port_search.h).
 */
#ifndef MASQ_BPF_NAT_PORT_FIND_H
#define MASQ_BPF_NAT_PORT_FIND_H

#include "bpf/nat/port_search.h"
#include "bpf/policy/decide.h"

static __always_inline bool port_is_preserved(const struct decision *d, __u16 port)
{
	if (d->ports == PORTS_OF_IDENTIFIERS || d->ports == PORTS_FIXED)
		return true;
	return d->assignment == ASSIGN_PRESERVED && port_is_usable(port);
}

/* Sets external_port and claims it. Returns enum claim_result. */
static __always_inline int port_find(ctx_t *ctx, mapping_t *m, __u32 slot, const struct decision *d)
{
	int result = CLAIM_TAKEN;

	m->external_port = m->flow.sport;
	if (port_is_preserved(d, bpf_ntohs(m->flow.sport)))
		result = port_claim(ctx, slot);
	if (result == CLAIM_HOST_SOCKET)
		result = CLAIM_TAKEN;
	if (result == CLAIM_TAKEN && d->ports != PORTS_FIXED && (d->ports != PORTS_OF_RANGES || options.port_count))
		return port_search(ctx, m, slot, d);
	search_count(slot, 1, result == CLAIMED);
	return result;
}

#endif
