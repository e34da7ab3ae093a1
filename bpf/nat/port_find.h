/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Finds an external port for a new mapping, as the decision says: the pod's own if it is to be preserved, is usable
 * and free; else a free one (port_search.h); else one of a conversation that is over (port_reclaim.h). A pod that has
 * its share of the ports toward the remote endpoint gets only its own back.
 */
#ifndef MASQ_BPF_NAT_PORT_FIND_H
#define MASQ_BPF_NAT_PORT_FIND_H

#include "bpf/nat/port_reclaim.h"

static __always_inline bool port_is_preserved(const struct decision *d, __u16 port)
{
	if (d->ports == PORTS_OF_IDENTIFIERS || d->ports == PORTS_FIXED)
		return true;
	return d->assignment == ASSIGN_PRESERVED && port_is_usable(port);
}

/* Where a port counts that was not chosen: a port outside of the ranges may be kept, and no search chooses it. */
__noinline int share_of_port(__u32 space, __u32 port)
{
	if (space == PORTS_OF_RANGES && !port_is_in_range(port))
		return MASQ_SHARE_NONE;
	return share_of_space(space);
}

/* The pod's own port, if it is to be preserved and does not exceed the pod's share. Returns enum claim_result. */
static __always_inline int port_keep(ctx_t *ctx, mapping_t *m, __u32 slot, const struct decision *d, bool fair,
				     bool take_back)
{
	__u16 own = bpf_ntohs(m->flow.sport);

	if (!port_is_preserved(d, own))
		return CLAIM_TAKEN;
	m->share = share_of_port(d->ports, own);
	if (!fair && m->share)
		return CLAIM_TAKEN;
	if (take_back)
		return reclaim_take(ctx, slot, d->ports, own, false);
	m->external_port = m->flow.sport;
	return port_claim(ctx, slot);
}

/* Another port than the pod's own: a free one, or one that comes back; then the own one, if it does. */
static __always_inline int port_choose(ctx_t *ctx, const struct packet *p, mapping_t *m, __u32 slot,
				       const struct decision *d, bool fair)
{
	int result = CLAIM_TAKEN;

	m->share = share_of_space(d->ports);
	if (fair)
		result = port_search(ctx, m, slot, d);
	if (result != CLAIM_TAKEN || !reclaim_begin(ctx, p, slot, d->ports, !fair))
		return result;
	result = port_keep(ctx, m, slot, d, fair, true);
	if (result != CLAIM_TAKEN)
		return result;
	m->share = share_of_space(d->ports);
	return port_reclaim(ctx, slot, d->ports, !fair);
}

/* Sets external_port and claims it. Returns enum claim_result. */
static __always_inline int port_find(ctx_t *ctx, const struct packet *p, mapping_t *m, __u32 slot,
				     const struct decision *d)
{
	int result;
	bool fair;

	search_begin();
	m->share = share_of_space(d->ports);
	fair = share_has_room(slot) || share_has_idle(slot, d->ports);
	result = port_keep(ctx, m, slot, d, fair, false);
	if (result == CLAIM_HOST_SOCKET)
		result = CLAIM_TAKEN;
	if (result == CLAIM_TAKEN && d->ports != PORTS_FIXED && (d->ports != PORTS_OF_RANGES || options.port_count)) {
		result = port_choose(ctx, p, m, slot, d, fair);
		if (result == CLAIM_TAKEN && !fair)
			result = CLAIM_UNFAIR;
	}
	search_count(slot, result == CLAIMED);
	return result;
}

#endif
