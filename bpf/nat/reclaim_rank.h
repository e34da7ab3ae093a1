/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Conversations that are over, and the new connections that may have their ports (docs/decisions/0017). */
#ifndef MASQ_BPF_NAT_RECLAIM_RANK_H
#define MASQ_BPF_NAT_RECLAIM_RANK_H

#include "bpf/nat/port_known.h"
#include "bpf/nat/state.h"

enum reclaim_rank {
	RECLAIM_NEVER,
	RECLAIM_EXCHANGE,
	RECLAIM_RESET,
	RECLAIM_CLOSED,
	RECLAIM_ANSWERED,
	RECLAIM_ANSWERED_NOW, /* of the same pod only */
};

#define ANSWERED_TICKS 8               /* idle for a second: `seen` of DNS is exact */
#define IDLE_TICKS (2 * REFRESH_TICKS) /* idle for a second at least: `seen` may be a second old */

/* Returns enum reclaim_rank. Established and half-closed connections are never taken, and neither is one with an order. */
static __always_inline __u8 reclaim_rank(const mapping_t *m, __u32 clock)
{
	__s32 idle = clock - READ_ONCE(m->seen);

	if (!READ_ONCE(m->seen) || m->slot != MASQ_SLOT_LINKED || m->order || !mapping_has_port(m) ||
	    m->flow.kind != MASQ_KIND_CONNECTION)
		return RECLAIM_NEVER;
	if (m->flow.protocol == IPPROTO_TCP) {
		if (m->state != MASQ_STATE_CLOSING)
			return RECLAIM_NEVER;
		if ((m->flags & BOTH_FINS) == BOTH_FINS && (!m->pod_ack || idle >= IDLE_TICKS))
			return RECLAIM_CLOSED;
		return (m->flags & MASQ_RESET) && idle >= IDLE_TICKS ? RECLAIM_RESET : RECLAIM_NEVER;
	}
	if (dns_is_answered(m))
		return idle >= ANSWERED_TICKS ? RECLAIM_ANSWERED : RECLAIM_ANSWERED_NOW;
	return datagrams_of_pod(m) == 1 && idle >= IDLE_TICKS ? RECLAIM_EXCHANGE : RECLAIM_NEVER;
}

/* A hash of the pod that has this slot's mapping. */
__noinline __u32 owner_of(__u32 slot)
{
	mapping_t *m = slot_at(slot);
	addr_t key;

	if (!m)
		return 0;
	account_key(&key, &m->flow.src, m->account);
	return address_hash(&key);
}

/* Any pod may take the port. */
static __always_inline bool rank_is_idle(__u8 rank)
{
	return rank != RECLAIM_NEVER && rank != RECLAIM_ANSWERED_NOW;
}

/* Returns true if a port of this rank can have the new connection. `own`: of the same pod; `old`: of a closed one. */
static __always_inline bool reclaim_fits(const struct port_search *search, __u8 rank, bool own,
					 const struct tcp_numbers *old)
{
	if (!own && !rank_is_idle(rank))
		return false;
	if (rank == RECLAIM_CLOSED)
		return search->is_syn && syn_follows(&search->syn, old);
	return rank != RECLAIM_RESET || search->is_syn;
}

#endif
