/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Datagrams in fragments (RFC 4787 REQ-14). Ports stand in the first fragment alone, so its decision is kept, as an
 * entry of the mapping table under the datagram's identification, for those behind it:
 *
 *     out:  a mapping as of a connection, whose "port" is the identification: so that two pods' datagrams never have
 *           the same one toward one destination (RFC 6864 5.3.1), and it counts for the pod
 *     in:   a remembered decision: the pod's address, or that it is not ours
 *
 * What comes before its first fragment waits (held.h).
 */
#ifndef MASQ_BPF_FRAGMENT_H
#define MASQ_BPF_FRAGMENT_H

#include "bpf/held.h"
#include "bpf/mapping.h"
#include "bpf/rewrite.h"

static __always_inline void datagram_key(tuple_t *t, const struct packet *p, __u32 kind)
{
	*t = p->flow;
	t->kind = kind;
	t->sport = p->id;
	t->dport = p->id_rest;
	if (FAMILY == 6)
		t->protocol = 0; /* RFC 8200 4.5: addresses and identification name a datagram */
}

/* The entry of a datagram, kept alive; NULL: its first fragment has not come by. */
static __always_inline mapping_t *datagram_find(const tuple_t *key)
{
	struct masq_control *c = control_get();
	mapping_t *m = slot_at(N(find_by_flow)(key));

	return c && m && mapping_touch(m, c->clock) ? m : NULL;
}

/*
 * A pod's head goes out as `external`: the entry's slot, or REFUSED(reason). The pod has one external address, so a
 * second head under the same identification has the same entry; if not, somebody mixes two datagrams.
 */
static __always_inline int datagram_open(ctx_t *ctx, const struct packet *p, const addr_t *external)
{
	const struct decision d = {.ports = PORTS_OF_IDENTIFIERS};
	struct masq_control *c = control_get();
	tuple_t key;
	mapping_t *m;
	__u32 slot;

	if (!c)
		return REFUSED(MASQ_REASON_FRAGMENT);
	datagram_key(&key, p, MASQ_KIND_DATAGRAM_OUT);
	slot = N(find_by_flow)(&key);
	m = slot_at(slot);
	if (!m || !mapping_touch(m, c->clock))
		return N(mapping_open)(ctx, &key, external, &d);
	if (m->reason != MASQ_REASON_TRANSLATED || !addr_equal(&m->external, external))
		return REFUSED(MASQ_REASON_FRAGMENT);
	return slot;
}

/* Sends on what waits for this head: true when the packet at hand is spent. */
__noinline int N(fragments_release)(ctx_t *ctx, const struct packet *p, __u32 kind)
{
	tuple_t key;

	if (!p)
		return false;
	datagram_key(&key, p, kind);
	return N(held_release)(ctx, &key, kind == MASQ_KIND_DATAGRAM_IN ? MASQ_INGRESS : MASQ_EGRESS);
}

/* Notes that a datagram goes without a mapping of its own, for `reason`, to the address `to`: its new reason. */
__noinline int N(datagram_note)(const struct packet *p, const addr_t *to, __u32 reason, __u32 kind)
{
	struct masq_control *c = control_get();
	tuple_t key;
	mapping_t *m;

	if (!c || !p || !to)
		return reason;
	datagram_key(&key, p, kind);
	m = datagram_find(&key);
	if (!m) {
		/* Anybody may send what is not ours: it gets a part of the room that there is for remembering. */
		if (reason != MASQ_REASON_NOT_OURS || READ_ONCE(c->left) < options.max_left / 4)
			N(decision_remember)(&key, to, reason, reason == MASQ_REASON_TRANSLATED ? MASQ_CHARGED : 0);
		return reason;
	}
	if (m->reason == reason && addr_equal(&m->external, to))
		return reason;
	/* Two datagrams with one name for two receivers: neither may get parts of the other (RFC 5722). */
	if (m->flow.kind == MASQ_KIND_DATAGRAM_IN)
		m->reason = MASQ_REASON_FRAGMENT;
	return MASQ_REASON_FRAGMENT;
}

/* A fragment of a pod behind the first: its reason. */
__noinline int N(later_egress)(ctx_t *ctx, const struct packet *p)
{
	struct decision d = {};
	mapping_t *m;
	tuple_t key;
	int held;

	if (!p)
		return MASQ_REASON_FRAGMENT;
	datagram_key(&key, p, MASQ_KIND_DATAGRAM_OUT);
	m = datagram_find(&key);
	if (!m) {
		N(decide)(&p->flow, &d);
		if (d.action != ACTION_MASQUERADE)
			return d.reason;
		held = N(held_put)(ctx, &key, &p->flow.src);
		if (held == HELD)
			return MASQ_REASON_FRAGMENT_HELD;
		m = held == HELD_HEAD_IS_THERE ? datagram_find(&key) : NULL;
		if (!m)
			return MASQ_REASON_FRAGMENT;
	}
	if (m->reason != MASQ_REASON_TRANSLATED)
		return m->reason;
	return packet_rewrite_address(ctx, p, MASQ_EGRESS, &m->external) &&
			       identification_write(ctx, p, m->external_port)
		       ? MASQ_REASON_TRANSLATED
		       : MASQ_REASON_REWRITE_FAILED;
}

/*
 * A fragment from outside behind the first: its reason. One whose datagram is unknown goes on, as it may be the node's
 * own; a copy waits, in case that it is a pod's.
 */
__noinline int N(later_ingress)(ctx_t *ctx, const struct packet *p)
{
	mapping_t *m;
	tuple_t key;

	if (!p || is_source(&p->flow.src))
		return MASQ_REASON_NOT_OURS;
	datagram_key(&key, p, MASQ_KIND_DATAGRAM_IN);
	m = datagram_find(&key);
	if (!m && N(held_put)(ctx, &key, &p->flow.dst) == HELD_HEAD_IS_THERE)
		m = datagram_find(&key);
	if (!m)
		return MASQ_REASON_NOT_OURS;
	if (m->reason != MASQ_REASON_TRANSLATED)
		return m->reason;
	return packet_rewrite_address(ctx, p, MASQ_INGRESS, &m->external) ? MASQ_REASON_TRANSLATED
									  : MASQ_REASON_REWRITE_FAILED;
}

#endif
